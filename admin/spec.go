package admin

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/gin-gonic/gin"
	"gopkg.in/yaml.v3"
)

// The API's document: openapi.yaml, and beside it one file for each larger part.
//
//go:embed openapi.yaml openapi/*.yaml
var specFiles embed.FS

// Document is the API's document as clients read it, in JSON.
func Document() ([]byte, error) {
	doc := map[string]any{}
	names, err := fs.Glob(specFiles, "openapi/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range append([]string{"openapi.yaml"}, names...) {
		text, err := specFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var part map[string]any
		if err := yaml.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := join(doc, part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return b, nil
}

// join adds a part of the document: objects and lists grow, anything else must be new.
func join(doc, part map[string]any) error {
	for name, value := range part {
		switch old := doc[name].(type) {
		case nil:
			doc[name] = value
		case map[string]any:
			more, ok := value.(map[string]any)
			if !ok {
				return fmt.Errorf("%s: is an object elsewhere", name)
			}
			if err := join(old, more); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		case []any:
			more, ok := value.([]any)
			if !ok || name != "tags" {
				return fmt.Errorf("%s: is there already", name)
			}
			doc[name] = append(old, more...)
		default:
			return fmt.Errorf("%s: is there already", name)
		}
	}
	return nil
}

func (a *API) document(c *gin.Context) error {
	c.Data(http.StatusOK, "application/json", a.spec)
	return nil
}
