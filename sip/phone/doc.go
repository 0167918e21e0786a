// Package phone is a SIP user agent: it registers, calls, answers, holds, transfers, sends messages, and plays and
// records audio over RTP or SRTP. `sipward phone` is its command, package siptest its dress for tests.
//
// It is an honest peer on purpose: it shares sipgo's parser and package media with the server, and nothing of the
// server's transport, transactions or digest. What it sends is text of its own making, so that nothing is normalised on
// its way out; a test can send any bytes with [Phone.SendRaw].
//
// State: one flow to the server (UDP socket, or one TCP, TLS or WSS connection), the server transactions of the last
// 32 s, the calls, and the [Ladder] of every message. One reader goroutine per flow handles messages in their order of
// arrival and never blocks; whoever sends a request waits for its answers in their own goroutine.
//
// RFCs: 3261 (user agent client and server, both halves of dialogs, loose and strict routes), 3262 (PRACK), 3264 (through
// package media), 3311 (UPDATE), 3428 (MESSAGE), 3515 (REFER, blind), 3581 (rport, symmetric), 5626 (reg-id, instance, ob,
// CRLF keep-alive), 7118 (WSS), 8760 and 2617 (digest, SHA-256 preferred, MD5).
//
// It does not resolve names by NAPTR or SRV, does not follow 3xx, does not subscribe, and has no STUN or ICE.
package phone
