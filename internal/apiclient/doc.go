// Package apiclient is the client of the admin API (admin/openapi.yaml) on which the command line and the console run, and
// what a Go program would want: the generated requests and shapes of package wire, with pages, refusals and time limits as
// a caller needs them. Of the server's packages it knows only account.Secret, so that a token does not print.
//
// Every method takes a ctx, asks once, and returns a *Problem when the server refuses. Lists fetch page after page. Ask
// is for what has no method: the console's pages, which read shapes of their own.
// A Client is safe for concurrent use.
package apiclient
