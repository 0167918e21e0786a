// Command prepare writes the API's document as a generator of clients wants it: in one piece, without the choices of
// words that a newer server may add to, and with marks for what Go has several types for.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"sipward/admin"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	text, err := admin.Document()
	if err != nil {
		return err
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	prepare(doc)
	return json.NewEncoder(os.Stdout).Encode(doc)
}

// prepare walks the document.
func prepare(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["enum"].([]any); ok {
			delete(v, "enum")
		}
		members(v)
		if v["in"] == "query" || v["in"] == "header" { // an empty one is not an absent one
			v["x-go-type-skip-optional-pointer"] = false
			if schema, ok := v["schema"].(map[string]any); ok {
				schema["x-go-type-skip-optional-pointer"] = false
			}
		}
		for _, part := range v {
			prepare(part)
		}
	case []any:
		for _, part := range v {
			prepare(part)
		}
	}
}

// members marks those of an object.
func members(schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for name, p := range properties {
		if p, ok := p.(map[string]any); ok {
			mark(name, p, slices.Contains(required, any(name)))
		}
	}
}

// mark says what Go type a member has.
func mark(name string, p map[string]any, required bool) {
	types, several := p["type"].([]any)
	switch {
	case several && len(types) > 2: // any JSON
		delete(p, "type")
		p["x-go-type"] = "json.RawMessage"
	case several && (required || p["format"] == "date-time"), p["type"] == "boolean", slices.Contains(types, any("boolean")):
		// null, and an absent yes or no, mean something of their own
		p["x-go-type-skip-optional-pointer"] = false
	case p["type"] == "integer" && (name == "version" || name == "seq"):
		p["format"] = "uint64"
	}
}
