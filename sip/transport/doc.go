// Package transport owns the flows: everything by which messages come in and go out, and nothing of what they mean.
//
// A [Flow] is one TCP, TLS, WS or WSS connection, or one UDP socket and peer address (RFC 5626). Messages of one flow
// are handed to the [Handler] in their order of arrival. A phone is reached over its own flow and in no other way: this
// package never dials and never resolves a name because of what a phone sent (RFC 3261 section 18.2.2 answers go back by
// the flow, RFC 3581).
//
// The network is hostile, so the limits come first ([Limits]): sizes, times, counts per address and per connection,
// junk dropped before it is parsed, a token bucket per source, temporary bans, and a listener that never dies of an
// error. What the parser lets through but the RFC does not is refused by the checks of validate.go.
package transport
