// Package auth challenges and verifies phones: HTTP digest as RFC 3261 section 22, RFC 7616 and RFC 8760 have it
// (SHA-256 first, then MD5, qop=auth required), with stateless nonces.
//
// A nonce is time, node and boot, a counter and an HMAC by a cluster key, so any node can tell a genuine one. It is good
// for 60 s on the node that made it; later, or on another node, or after a restart, it is answered stale=true, because
// only the node that made it knows which counts were used. The nonce count must rise strictly within one nonce: a
// bounded window in memory remembers it, for nonces that were used with success only. The digest uri must be equivalent
// to the Request-URI.
//
// Unknown users, and accounts that have no password yet, cost the same work (the look-up in the store included) and get
// the same answers as a wrong password, and every comparison takes constant time, so that nobody without the password learns whether an account
// exists or in which state it is.
//
// Wrong answers are counted per source (the Blamer, which bans for a while) and per account and source: past a budget
// the answers of this source for this account are not looked at for a minute (503). A missing or stale nonce, a header
// that does not parse and a replay are nobody's failure. The account itself is never locked by strangers. What was wrong
// is in the refusal ([Guess]), for those who watch and never for the peer.
//
// Limits: 131072 nonces in the window (about 60 bytes each), 65536 opened credentials, 16384 pairs of account and source.
package auth
