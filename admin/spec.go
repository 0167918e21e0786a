package admin

import (
	_ "embed" // openapi.yaml
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"gopkg.in/yaml.v3"
)

//go:embed openapi.yaml
var specYAML []byte

// specJSON is the API's document as clients read it.
func specJSON() ([]byte, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(specYAML, &doc); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return b, nil
}

func (a *API) document(c *gin.Context) error {
	c.Data(http.StatusOK, "application/json", a.spec)
	return nil
}
