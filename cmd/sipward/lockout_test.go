package main

import (
	"errors"
	"net/http"
	"testing"

	"sipward/internal/apiclient"
)

// Whoever guesses at one node after the other is counted once: five failures over two nodes lock the pair on both.
func TestFailedSignInsCountOnAllNodes(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	try := func(s *server, name string) int {
		t.Helper()
		_, err := s.api.Ask(t.Context(), apiclient.Request{Method: "POST", Path: "/api/v1/session", Body: map[string]string{"name": name, "password": "guess-me-not"}}, nil)
		var problem *apiclient.Problem
		if !errors.As(err, &problem) {
			t.Fatalf("a stranger's sign-in: %v", err)
		}
		return problem.Status
	}
	for i := range 5 {
		if code := try(nodes[i%2], "ann"); code != http.StatusUnauthorized {
			t.Fatalf("attempt %d: %d", i+1, code)
		}
	}
	for _, s := range nodes {
		if code := try(s, "ann"); code != http.StatusTooManyRequests {
			t.Errorf("%s: %d, want 429", s.n.id, code)
		}
	}
	if code := try(nodes[1], "bob"); code != http.StatusUnauthorized {
		t.Errorf("another name: %d", code)
	}
}
