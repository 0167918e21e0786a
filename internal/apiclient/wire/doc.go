// Package wire is the client that oapi-codegen makes of the API's document (admin/openapi.yaml and its parts): the requests
// and shapes of the operations that package apiclient uses, and no line by hand. `make client` writes it anew, .ci/check
// compares it with the document.
//
// Words of a fixed choice are plain strings here, so that an older client reads what a newer server says; the server
// judges what is sent. How answers, refusals and pages are read is apiclient's: the generated reader of answers is left out.
package wire
