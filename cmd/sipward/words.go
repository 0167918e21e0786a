package main

import (
	"errors"
	"strings"

	"sipward/internal/apiclient"
)

// worded is a refusal of the API in the words of the command line.
type worded struct {
	text  string
	cause error
}

// Error is the text.
func (w worded) Error() string { return w.text }

// Unwrap gives the API's own words.
func (w worded) Unwrap() error { return w.cause }

// inWords turns what the API says to HTTP clients into what one types here.
func inWords(err error) error {
	var p *apiclient.Problem
	if !errors.As(err, &p) {
		return err
	}
	text := strings.NewReplacer(
		"POST /api/v1/groups", "sipward group create", "GET /api/v1/groups", "sipward group list",
		"GET /api/v1/accounts", "sipward account list", "GET /api/v1/tokens", "sipward token list", "GET /api/v1/clips", "sipward clip list",
		"/group_id", "--group", "group_id", "--group", "/profile_id", "--profile", "profile_id", "--profile",
		"secondary_number", "--secondary-number", "security_model", "--security-model", "obfuscation_key", "--obfuscation-key",
	).Replace(err.Error())
	return worded{text, err}
}
