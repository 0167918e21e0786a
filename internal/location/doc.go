// Package location holds the bindings of an account and the rules of REGISTER as one pure function, [Apply]
// (RFC 3261 section 10.3 steps 6 to 8, RFC 5626 section 6). It does no I/O; the store runs Apply inside a
// compare-and-swap, so it may run more than once for one request.
//
// Limits: a set holds at most Policy.MaxBindings contacts; expiry is judged by our clock and the stored time, never by
// the store's own TTL, which is only its garbage collector.
package location
