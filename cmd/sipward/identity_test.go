package main

import (
	"os"
	"strings"
	"testing"

	"sipward/internal/apiclient"
)

// Two nodes of a cluster write down the same bootstrap token, and each takes the other's.
func TestNodesShareTheBootstrapToken(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	var tokens []string
	for _, s := range nodes {
		b, err := os.ReadFile(tokenFile(s.n.config))
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, strings.TrimSpace(string(b)))
	}
	if tokens[0] != tokens[1] || len(tokens[0]) < minToken || nodes[0].n.config.DataDir == nodes[1].n.config.DataDir {
		t.Fatalf("tokens of %d and %d characters differ", len(tokens[0]), len(tokens[1]))
	}
	api, err := apiclient.New(apiclient.Config{URL: nodes[1].url, Token: tokens[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	if _, err := api.Groups(t.Context()); err != nil {
		t.Errorf("the other node does not take it: %v", err)
	}
}
