// Package admin is the operator's hand and eye: disable and enable an account, see who is registered and which nodes have
// applied what, replace announcements, hand out API tokens, follow the change stream, carry the whole state away and
// bring it back. An account's life (create, edit, delete) is package provisioning.
//
// Disable is one write: account, version and change in one transaction. The answer is 202 with the account, its version
// and the id of the change; every node that follows the change stream ends the account's calls, and changes/{id} tells
// when all have. Nothing here waits for nodes.
//
// The document of the whole API, openapi.yaml, lies in this package and is served at /api/openapi.json; the tests hold
// every route, request and answer against it.
//
// The package never imports the store: its interfaces say what it needs.
package admin
