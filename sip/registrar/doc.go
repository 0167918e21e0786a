// Package registrar answers REGISTER (RFC 3261 section 10.3, with RFC 3327 Path, RFC 5626 outbound, RFC 5627 GRUU later):
// it parses the contacts, lets internal/location decide inside the store's compare-and-swap, and answers with the
// bindings that stand. Who may register has been decided before it is called; it asks again inside the transaction, so a
// disable or delete that lands in between leaves no binding.
//
// Limits: 10 bindings an account (403 beyond), expiry 60 (423 below) to 3600 s, 600 by default; "*" only with Expires 0.
package registrar
