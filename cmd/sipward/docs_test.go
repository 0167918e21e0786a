package main

import (
	"os"
	"strings"
	"testing"
)

// The table in the README is the one the program prints.
func TestREADMEHasTheConfigurationTable(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "<!-- sipward config docs: kept by a test -->\n")
	table, _, found := strings.Cut(rest, "<!-- end -->")
	if !found || table != configDocs() {
		t.Error("README.md: the configuration table differs from: sipward config docs")
	}
}
