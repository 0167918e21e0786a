package auth

import (
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// Response computes the response to the header's parameters, for the vectors of the RFCs.
func Response(header, method, ha1 string) (got, sent string, err error) {
	c, _, err := parse(header)
	if err != nil {
		return "", "", err
	}
	return string(c.appendResponse(nil, ha1, method)), c.response, nil
}

// Parsed is what the parser makes of a header.
type Parsed struct {
	Username, Realm, Nonce, URI, Response, Cnonce, Count, Qop string
	SHA256                                                    bool
	Digest                                                    bool
}

// Parse and Complete run the parser and its checks.
func Parse(header string) (Parsed, error) {
	c, digest, err := parse(header)
	return Parsed{
		Username: c.username, Realm: c.realm, Nonce: c.nonce, URI: c.uri, Response: c.response,
		Cnonce: c.cnonce, Count: c.count, Qop: c.qop, SHA256: c.alg == algSHA256, Digest: digest,
	}, err
}

// Complete runs the checks of a header that parses.
func Complete(header string) error {
	c, _, err := parse(header)
	if err != nil {
		return err
	}
	return c.complete()
}

// MeansTarget compares a digest uri with a Request-URI.
func MeansTarget(target *gosip.Uri, uri string) bool { return meansTarget(target, uri) }

// Window is the window of nonce counts on its own.
type Window struct{ w *window }

// NewWindow makes one.
func NewWindow(size int, life time.Duration) Window { return Window{newWindow(size, life)} }

// Use takes a count for a nonce made at issued.
func (w Window) Use(key uint64, issued time.Time, nc uint32, now time.Time) bool {
	return w.w.use(stamp{key: key, issued: issued.UnixMilli()}, nc, now)
}

// Held counts the nonces in the window.
func (w Window) Held() (n int) {
	for i := range w.w.shards {
		n += len(w.w.shards[i].last)
	}
	return n
}

// Remembered counts the nonces a verifier holds state for.
func (v *Verifier) Remembered() int { return Window{v.window}.Held() }

// Forget empties the window, so that a benchmark can use its requests again.
func (v *Verifier) Forget() {
	for i := range v.window.shards {
		s := &v.window.shards[i]
		clear(s.last)
		s.head, s.size, s.floor = 0, 0, 0
	}
}

// TokenChar tells whether c may be part of a token.
func TokenChar(c byte) bool { return tokenChar(c) }
