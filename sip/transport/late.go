package transport

import (
	"bytes"
	"time"
)

// A node that is asked for more than it can do has a queue in its sockets, and what it works on has been sent again by the
// time it is answered: all are late, and none is served. So what is worth less than the time it has waited is not parsed:
// who is served is served in time. All limits stay below T1, 500 ms, after which the same request is in the queue twice. The
// order is that of who loses most: calls that are up never wait for others, a phone keeps its registration before a new call
// is begun, strangers come after that.
const (
	lateRefresh = 400 * time.Millisecond // a REGISTER with credentials
	lateCall    = 200 * time.Millisecond // an INVITE with credentials
	lateNew     = 130 * time.Millisecond // both without: a challenge, and the work that comes after it
	lateRest    = 80 * time.Millisecond  // OPTIONS, MESSAGE, SUBSCRIBE, PUBLISH
)

// patience is how long a packet may have waited; 0: for ever. Nobody parses it: what looks like a request within a call but is
// none costs no more than it did.
func patience(p []byte) time.Duration {
	method, _, _ := bytes.Cut(p[:min(len(p), len("SUBSCRIBE ")+1)], []byte{' '})
	switch string(method) {
	case "REGISTER":
		return either(signed(p), lateRefresh, lateNew)
	case "INVITE":
		if inside(p) {
			return 0
		}
		return either(signed(p), lateCall, lateNew)
	case "OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH":
		return lateRest
	}
	return 0
}

// signed reports whether credentials seem to be there.
func signed(p []byte) bool {
	return bytes.Contains(p, []byte("\nAuthorization:")) || bytes.Contains(p, []byte("\nProxy-Authorization:"))
}

// inside reports whether a To with a tag seems to be there: an INVITE of a call that is up.
func inside(p []byte) bool {
	_, to, ok := bytes.Cut(p, []byte("\nTo:"))
	if !ok {
		_, to, _ = bytes.Cut(p, []byte("\nt:"))
	}
	to, _, _ = bytes.Cut(to, []byte{'\n'})
	return bytes.Contains(to, []byte(";tag="))
}

func either(yes bool, a, b time.Duration) time.Duration {
	if yes {
		return a
	}
	return b
}

// late reports whether a packet is not worth looking at any more. oob tells when the kernel took it in.
func late(p, oob []byte, now time.Time) bool {
	came, ok := arrival(oob)
	if !ok {
		return false
	}
	waited := now.Sub(came)
	if waited <= lateRest {
		return false
	}
	limit := patience(p)
	return limit > 0 && waited > limit
}
