// Package transport owns the flows: everything by which messages come in and go out, and nothing of what they mean.
//
// A [Flow] is one TCP, TLS, WS or WSS connection, or one UDP socket and peer address (RFC 5626). Messages of one flow
// are handed to the [Handler] in their order of arrival. A phone is reached over its own flow and in no other way: this
// package never dials and never resolves a name because of what a phone sent (RFC 3261 section 18.2.2 answers go back by
// the flow, RFC 3581).
//
// The network is hostile, so the limits come first ([Limits]): sizes, times, counts per address and per connection,
// junk dropped before it is parsed, a token bucket per source, temporary bans, and a listener that never dies of an
// error. No table grows with what strangers send: UDP flows and their tokens are derived from the addresses.
//
// A header section is read once (scan.go) and sipgo's message is built from that one reading (message.go), so that no
// second parser can see another message in the same bytes. Via, From, To, Call-ID, CSeq, Max-Forwards and
// Content-Length are typed; everything else stays raw and goes through byte for byte, but for compact names (expanded),
// folding (joined) and Route (one value per field). What the grammar allows and two readers could differ in is refused
// with 400: control characters even when escaped in a quoted string, which RFC 4475 section 3.1.1.2 calls legal, is the
// one place where we are stricter than the RFC.
//
// Goroutines: one reader per UDP socket and per connection (its handshake too), one per listener, and one per
// connection only while a slow peer leaves a backlog. Handler methods run on the readers. Send and WriteMsg never block.
//
// What it does not do: DTLS, SCTP, outgoing connections, transactions.
package transport
