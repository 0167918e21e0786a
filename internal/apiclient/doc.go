// Package apiclient is a typed client of the admin API (admin/openapi.yaml), small and by hand: what the command line
// needs, and what a Go program would. Of the server's packages it knows
// only account.Secret, so that a token does not print.
//
// Every method takes a ctx, asks once, and returns a *Problem when the server refuses. Lists fetch page after page.
// A Client is safe for concurrent use.
package apiclient
