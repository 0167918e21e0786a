package siptest_test

import (
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

func TestBaresipRegisters(t *testing.T) {
	t.Parallel()
	server := siptest.Phone(t, phone.Config{User: "bob", Listen: "127.0.0.1:0", OnRequest: func(r *gosip.Request) *phone.Reply {
		if !strings.Contains(phone.Header(r, "Authorization"), `username="alice"`) {
			return &phone.Reply{Code: 401, Fields: []string{`WWW-Authenticate: Digest realm="x", nonce="n", algorithm=MD5, qop="auth"`}}
		}
		return &phone.Reply{Code: 200, Fields: []string{"Contact: " + phone.Header(r, "Contact") + ";expires=600"}}
	}})
	siptest.Baresip(t, siptest.BaresipConfig{User: "alice", Password: "x", Server: server.Addr().String()})
}
