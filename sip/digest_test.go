package sip_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// nonceIn finds the nonce of a challenge.
var nonceIn = regexp.MustCompile(`nonce="([^"]+)"`)

// signed asks, and asks again with credentials for the challenge; user and password as given.
func (w wire) signed(user, password, method, uri string, headers ...string) string {
	w.t.Helper()
	challenge := w.ask(method, uri, headers...)
	m := nonceIn.FindStringSubmatch(challenge)
	if m == nil {
		w.t.Fatalf("no challenge to %s: %s", method, challenge)
	}
	name := "Proxy-Authorization"
	if method == "REGISTER" {
		name = "Authorization"
	}
	return w.ask(method, uri, append(headers, name+": "+sign(user, password, method, uri, m[1]))...)
}

// sign makes credentials of RFC 7616 for a nonce used for the first time.
func sign(user, password, method, uri, nonce string) string {
	return signCount(user, password, method, uri, nonce, "00000001")
}

func signCount(user, password, method, uri, nonce, nc string) string {
	h := func(parts ...string) string {
		sum := sha256.Sum256([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum[:])
	}
	const cnonce = "c"
	response := h(h(user, domain, password), nonce, nc, cnonce, "auth", h(method, uri))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=SHA-256, cnonce="%s", qop=auth, nc=%s, response="%s"`,
		user, domain, nonce, uri, cnonce, nc, response)
}
