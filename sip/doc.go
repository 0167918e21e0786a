// Package sip is the SIP node: it puts transport, transactions, authentication, registrar, proxy and announcements
// together, decides by the state of the accounts what may pass (gate.go), and carries every change of that state into the
// calls that are up (enforce.go).
//
// The way of a request:
//
//	transport  limits, sanity, in the flow's order
//	tx         retransmissions, CANCEL, ACK
//	Request    Proxy-Require, Max-Forwards, loops, routes; inside a dialog → proxy.Inside
//	auth       no credentials: a challenge without state; a REGISTER of a phone that is remembered: quick.go, without
//	           a worker; else, from here on a worker
//	gate       pass, announce or refuse
//	handler    REGISTER → registrar; everything else → target → proxy, or announce
//
// Handlers return errors; reply.From turns them into the one final answer, and one line is logged for each request.
//
//	method                        handler
//	REGISTER                      Server.register
//	INVITE                        Server.invite
//	MESSAGE, SUBSCRIBE, PUBLISH,  Server.other: to the phones of the callee
//	NOTIFY, REFER, INFO, OPTIONS
//	OPTIONS to the server itself  answered, unauthenticated: it is a ping
//
// Who has not proven who it is gets its answer without state: over UDP one packet for one, at most twice as large
// (RFC 3261 section 8.2.7). That holds for wrong credentials, for requests inside no dialog, and for a ping too.
//
// An account's calls are bounded ([Limits]) on each node by itself. Every handler, timer and loop recovers: a panic costs
// one request, or a second until its loop begins anew.
//
// What looks like guessing, flooding or misuse is told (Deps.Told, package incident) where it is refused; who is served
// tells nothing and pays nothing.
//
// Standards: the README's table names them and says how far each goes.
package sip
