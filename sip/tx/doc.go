// Package tx is the transaction layer (RFC 3261 section 17, with the corrections of RFC 4320 and RFC 6026) between the
// flows of sip/transport and the transaction user, which is the proxy core.
//
// Messages of one flow reach the user in their order of arrival (180 before 200), on the goroutine that read them. A
// CANCEL is answered here and handed on; its INVITE stays open, so that a 200 which the callee sent meanwhile still goes
// through (RFC 3261 sections 9.2 and 16.10). The ACK of a non-2xx answer ends here; the ACK of a 2xx goes to the user.
//
// # State
//
// The table is 64 shards by key, each with a lock, maps and one runtime timer that serves a heap of alarms; there is no
// goroutine and no time.Timer per transaction. A [Server] lives until its final answer and is then replaced by what
// little must stay: the bytes of the answer for Timer J (non-INVITE over UDP), or a few words for ACK, Timers G, H and I,
// or the Accepted state (INVITE). A [Client] holds its request until its final answer. A stream flow knows
// its transactions, and a UDP flow of another node its client transactions, so that they fail at once when the flow ends.
//
// # Why not the state machines of sipgo
//
// The messages are sipgo's, the machines are ours. sipgo's ClientTx hands responses over an unbuffered channel while it
// holds its lock, so each transaction needs a goroutine more and order ends with it; a retransmitted 4xx makes it sleep
// four seconds on the goroutine that received it, which here is the reader of a phone's flow. Its ServerTx parks a
// goroutine per absorbed ACK. Both keep whole messages for 32 s (8 KB for an answered call), run their timers where no
// recover of ours can stand, and take their times from package variables. RFC 3261 figures 5 to 8 take less code than
// the guards against that.
//
// # Rules
//
//   - A transaction belongs to a flow: the flow is part of a server's key beside branch, sent-by and method (RFC 3261
//     section 17.2.3), so that nobody else can repeat, acknowledge or cancel it, and a response counts only when it comes
//     over the flow that its request went to.
//   - No lock is held while a callback runs or a message is sent.
//   - A message is rendered and checked for line ends in its values before anything changes.
//   - A stranger is answered by [Server.Reject]: over UDP nothing is kept or sent again (RFC 3261 section 8.2.7).
//   - Each callback and each alarm recovers: the request gets a 500, the panic is counted and logged once a second.
//
// # Limits
//
// The number of live transactions is capped (Config.Max, sized from the memory limit); an answered client transaction,
// which has let go of its messages, counts an eighth. Towards the cap new requests are shed with a stateless 503 and a
// randomised Retry-After: OPTIONS and the like first, then REGISTER without credentials, INVITE and MESSAGE, refreshing
// REGISTER; in-dialog requests have a reserve of a quarter, ACK and CANCEL need no room. A stream flow has at most
// Config.PerFlow requests in flight. A finished non-INVITE transaction over UDP holds under 0.7 KB; all answers held have
// a byte budget as large as that of the live transactions, past which the oldest go early.
//
// It does not retransmit a 2xx of an INVITE (that is end to end), has no Timer C (the proxy's), never resolves, never
// dials.
package tx
