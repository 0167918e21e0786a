package main

import (
	"os"
	"strings"
	"testing"
)

// The table in the documentation is the one the program prints.
func TestDocsHaveTheConfigurationTable(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "<!-- sipward config docs: kept by a test -->\n")
	table, _, found := strings.Cut(rest, "<!-- end -->")
	if !found || table != configDocs() {
		t.Error("docs/configuration.md: the configuration table differs from: sipward config docs")
	}
}
