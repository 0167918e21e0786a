// Package account holds the nouns every part of sipward shares: the account (one person's or room's line), its group
// and profile, its credentials, and the one table that says who may do what. It does no I/O and imports only the
// standard library and internal/seal.
//
// An account's [State] is derived from two facts, so that an activation never lifts an operator's disable:
//
//	Activated  when, and by which method, the phone took the line into use
//	Suspended  who switched it off, when and why
//
//	Suspended != nil              → disabled
//	Suspended == nil, !Activated  → pending
//	else                          → active
//
// [Account.May] is the only place that turns a state into a permission; SIP and HTTP map its sentinel errors to their
// own answers (sip/reply, internal/web).
package account
