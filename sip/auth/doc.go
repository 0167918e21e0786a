// Package auth challenges and verifies phones: HTTP digest as RFC 3261 section 22 and RFC 8760 have it (SHA-256 first,
// then MD5, qop=auth required), with stateless nonces any node can check.
//
// A nonce is time, node and an HMAC by a cluster key; it is good for new use for 60 s and then answered stale=true. The
// nonce count must rise strictly within one nonce: a bounded window in memory remembers it. The digest uri must match the
// Request-URI. Unknown users cost the same work and get the same answers as known ones, and every comparison takes
// constant time, so that nobody without the password learns whether an account exists or in which state it is.
//
// Failures are counted per source, and per account and source; the source is slowed down, then banned for a while. The
// account itself is never locked by strangers.
package auth
