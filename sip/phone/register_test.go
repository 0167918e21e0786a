package phone_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"sync"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"sipward/sip/phone"
)

// registrar stands in for a server: it challenges with both algorithms and computes RFC 7616 section 3.4.1 by hand.
type registrar struct {
	mu       sync.Mutex
	password string
	min      string // Min-Expires to insist on
	used     []*digest.Credentials
	expires  []string
}

func (g *registrar) answer(r *gosip.Request) *phone.Reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	auth := phone.Header(r, "Authorization")
	if auth == "" {
		return challenge()
	}
	c, err := digest.ParseCredentials(auth)
	if err != nil {
		return &phone.Reply{Code: 400}
	}
	g.used = append(g.used, c)
	g.expires = append(g.expires, phone.Header(r, "Expires"))
	if c.Response != g.want(c) {
		return challenge()
	}
	if e := phone.Header(r, "Expires"); g.min != "" && e != g.min && e != "0" {
		return &phone.Reply{Code: 423, Fields: []string{"Min-Expires: " + g.min}}
	}
	return &phone.Reply{Code: 200, Fields: []string{"Contact: " + phone.Header(r, "Contact") + ";expires=" + phone.Header(r, "Expires")}}
}

func challenge() *phone.Reply {
	return &phone.Reply{Code: 401, Fields: []string{
		`WWW-Authenticate: Digest realm="example.org", nonce="n1", algorithm=MD5, qop="auth"`,
		`WWW-Authenticate: Digest realm="example.org", nonce="n1", algorithm=SHA-256, qop="auth"`,
	}}
}

func (g *registrar) want(c *digest.Credentials) string {
	newHash := md5.New
	if c.Algorithm == "SHA-256" {
		newHash = sha256.New
	}
	a1 := hexOf(newHash(), "alice:example.org:"+g.password)
	a2 := hexOf(newHash(), "REGISTER:sip:example.org")
	return hexOf(newHash(), fmt.Sprintf("%s:n1:%08x:%s:auth:%s", a1, c.Nc, c.Cnonce, a2))
}

func hexOf(h hash.Hash, s string) string {
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil))
}

func registering(t *testing.T, g *registrar, more func(*phone.Config)) *phone.Phone {
	t.Helper()
	alice, _ := pair(t, "tcp", func(a, b *phone.Config) {
		b.OnRequest = g.answer
		a.Domain, a.Password = "example.org", "secret"
		if more != nil {
			more(a)
		}
	})
	return alice
}

func TestRegisterAnswersTheStrongestChallengeAndKeepsIt(t *testing.T) {
	t.Parallel()
	g := &registrar{password: "secret"}
	alice := registering(t, g, nil)
	must(t, alice.Register(within(t)))
	if got := alice.Granted(); got != 600*time.Second {
		t.Errorf("granted %s, want 10m", got)
	}
	must(t, alice.Register(within(t))) // answers the challenge unasked
	must(t, alice.Unregister(within(t)))
	if got := alice.Granted(); got != 0 {
		t.Errorf("granted %s after unregistering", got)
	}
	for i, c := range g.used {
		if c.Algorithm != "SHA-256" || c.Nc != i+1 || c.URI != "sip:example.org" {
			t.Errorf("use %d: algorithm %s, nc %d, uri %s", i, c.Algorithm, c.Nc, c.URI)
		}
	}
	if want := "600 600 0"; strings.Join(g.expires, " ") != want {
		t.Errorf("Expires %v, want %s", g.expires, want)
	}
}

func TestRegisterSpeaksMD5(t *testing.T) {
	t.Parallel()
	g := &registrar{password: "secret"}
	must(t, registering(t, g, func(c *phone.Config) { c.Digest = "MD5" }).Register(within(t)))
	if g.used[0].Algorithm != "MD5" {
		t.Errorf("algorithm %s, want MD5", g.used[0].Algorithm)
	}
}

func TestRegisterWithTheWrongPassword(t *testing.T) {
	t.Parallel()
	g := &registrar{password: "another"}
	err := registering(t, g, nil).Register(within(t))
	if want := "registration refused: 401 Unauthorized: the user name or the password is wrong"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestRegisterTakesTheMinimum(t *testing.T) {
	t.Parallel()
	g := &registrar{password: "secret", min: "900"}
	alice := registering(t, g, nil)
	must(t, alice.Register(within(t)))
	if got := alice.Granted(); got != 900*time.Second {
		t.Errorf("granted %s, want 15m", got)
	}
}

func TestRegisterRefused(t *testing.T) {
	t.Parallel()
	alice, _ := pair(t, "udp", func(_, b *phone.Config) {
		b.OnRequest = func(*gosip.Request) *phone.Reply { return &phone.Reply{Code: 403} }
	})
	if err := alice.Register(within(t)); err == nil || err.Error() != "registration refused: 403 Forbidden" {
		t.Errorf("error %v", err)
	}
}

func TestRegisterContactCarriesTheInstance(t *testing.T) {
	t.Parallel()
	g := &registrar{password: "secret"}
	alice := registering(t, g, func(c *phone.Config) { c.Instance, c.RegID = "urn:uuid:00000000-0000-4000-8000-000000000001", 2 })
	must(t, alice.Register(within(t)))
	e, err := alice.Ladder().Expect(within(t), func(e phone.Entry) bool { return e.Out })
	must(t, err)
	for _, want := range []string{`;ob>`, `+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000001>"`, `reg-id=2`, `;transport=tcp`} {
		if !strings.Contains(string(e.Raw), want) {
			t.Errorf("REGISTER lacks %s:\n%s", want, e.Raw)
		}
	}
}

func TestReconnectAfterDrop(t *testing.T) {
	t.Parallel()
	g := &registrar{password: "secret"}
	alice := registering(t, g, nil)
	must(t, alice.Register(within(t)))
	before := alice.Local()
	alice.Drop()
	must(t, alice.Register(within(t)))
	if alice.Local() == before {
		t.Error("the connection was not opened anew")
	}
}
