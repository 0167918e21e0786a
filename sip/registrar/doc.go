// Package registrar answers REGISTER (RFC 3261 section 10.3, with RFC 3327 Path, RFC 5626 outbound and RFC 5627 GRUU): it parses the
// contacts, lets internal/location decide inside the store's compare-and-swap, and answers with the bindings that stand.
// Who may register has been decided before it is called; it asks again inside the transaction, on the truth, so that a
// disable, a delete or a new password which lands in between leaves no binding.
//
// The address of record is the authenticated account, whoever else the request names. Contacts are stored as they came
// and returned untouched but for their expires; where they point to does not matter, because a phone is reached by the
// flow it registered over and by nothing else.
//
// State: which accounts are bound over which flow of this node. A binding made over a connection lives no longer than
// the connection: Closed queues its removal, Run does it, and tries again while the store is away.
//
// Limits: 10 bindings an account (403 beyond), expiry 60 (423 below) to 3600 s, 600 by default; "*" only with Expires 0;
// 10 Path values; 131072 removals waiting. Not here, on purpose: Service-Route (RFC 3608), which would tie a phone to one node.
package registrar
