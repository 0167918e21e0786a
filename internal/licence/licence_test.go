package licence_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sipward/internal/account"
	"sipward/internal/licence"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func document() licence.Document {
	return licence.Document{
		Product: "pgsm", Edition: "professional", Features: []string{"calls", "messages"}, Account: account.NewID(), Serial: 7,
		Issued: at("2026-01-01T00:00:00Z"), NotBefore: at("2026-01-01T00:00:00Z"), Expires: at("2026-02-01T00:00:00Z"),
	}
}

func keyPair(t testing.TB) (licence.Keys, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return licence.Keys{public}, private
}

func TestASignedDocumentComesBackAsItWas(t *testing.T) {
	t.Parallel()
	keys, private := keyPair(t)
	other, _ := keyPair(t)
	d := document()
	raw, err := licence.Sign(private, d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := append(other, keys...).Verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got.Account != d.Account || got.Serial != 7 || !got.Expires.Equal(d.Expires) || strings.Join(got.Features, " ") != "calls messages" {
		t.Errorf("got %+v, want %+v", got, d)
	}
	if _, err := other.Verify(raw); !errors.Is(err, licence.ErrSignature) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := (licence.Keys{}).Verify(raw); !errors.Is(err, licence.ErrSignature) {
		t.Errorf("without a key: %v", err)
	}
}

// Every single changed byte is noticed: there is one form of a document, and no part of it is free.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	t.Parallel()
	keys, private := keyPair(t)
	raw, err := licence.Sign(private, document())
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for _, b := range []byte{raw[i] ^ 1, '.', 'A', '\n'} {
			changed := bytes.Clone(raw)
			if changed[i] = b; b == raw[i] {
				continue
			}
			if _, err := keys.Verify(changed); err == nil {
				t.Fatalf("byte %d changed from %q to %q and was accepted", i, raw[i], b)
			}
		}
	}
}

func TestWhatIsNoDocumentIsRefused(t *testing.T) {
	t.Parallel()
	keys, private := keyPair(t)
	signed := func(header, payload string) string {
		e := base64.RawURLEncoding
		s := e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(payload))
		return s + "." + e.EncodeToString(ed25519.Sign(private, []byte(s)))
	}
	const good, body = `{"alg":"EdDSA","typ":"sipward-licence"}`, `{"product":"p","account":"a","serial":1,"iat":1,"nbf":1,"exp":2}`
	if _, err := keys.Verify([]byte(signed(good, body))); err != nil {
		t.Fatalf("the pattern itself: %v", err)
	}
	for name, raw := range map[string]string{
		"empty":              "",
		"HTML":               "<html>oops</html>",
		"two parts":          "a.b",
		"four parts":         signed(good, body) + ".x",
		"alg none":           signed(`{"alg":"none","typ":"sipward-licence"}`, body),
		"another type":       signed(`{"alg":"EdDSA","typ":"JWT"}`, body),
		"critical extension": signed(`{"alg":"EdDSA","typ":"sipward-licence","crit":["b64"],"b64":false}`, body),
		"no account":         signed(good, `{"product":"p","serial":1,"iat":1,"nbf":1,"exp":2}`),
		"no product":         signed(good, `{"account":"a","serial":1,"iat":1,"nbf":1,"exp":2}`),
		"no end":             signed(good, `{"product":"p","account":"a","serial":1,"iat":1,"nbf":1}`),
		"end before begin":   signed(good, `{"product":"p","account":"a","serial":1,"iat":1,"nbf":3,"exp":2}`),
		"end beyond years":   signed(good, `{"product":"p","account":"a","serial":1,"iat":1,"nbf":1,"exp":9223372036854775807}`),
		"control character":  signed(good, `{"product":"p\u0000","account":"a","serial":1,"iat":1,"nbf":1,"exp":2}`),
		"not JSON":           signed(good, `hello`),
		"too large":          signed(good, body) + strings.Repeat("A", licence.MaxSize),
	} {
		if _, err := keys.Verify([]byte(raw)); !errors.Is(err, licence.ErrForm) {
			t.Errorf("%s: %v, want ErrForm", name, err)
		}
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	keys, _ := keyPair(t)
	der, err := x509.MarshalPKIXPublicKey(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	block := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	for _, s := range []string{
		base64.StdEncoding.EncodeToString(keys[0]), base64.RawURLEncoding.EncodeToString(keys[0]), block,
	} {
		got, err := licence.ParseKeys(s)
		if err != nil || len(got) != 1 || !got[0].Equal(keys[0]) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"x", base64.StdEncoding.EncodeToString(keys[0][:31]), "-----BEGIN nothing"} {
		if _, err := licence.ParseKeys(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
	if got, err := licence.ParseKeys(""); err != nil || len(got) != 0 {
		t.Errorf("nothing: %v, %v", got, err)
	}
}

func TestWhenADocumentIsValid(t *testing.T) {
	t.Parallel()
	d := document()
	for when, want := range map[string]error{
		"2025-12-31T23:54:59Z": licence.ErrEarly,
		"2025-12-31T23:55:00Z": nil, // the clocks may differ by five minutes
		"2026-01-31T23:59:59Z": nil,
		"2026-02-01T00:00:00Z": licence.ErrEnded, // and none of it at the end
	} {
		if err := d.At(at(when)); !errors.Is(err, want) {
			t.Errorf("at %s: %v, want %v", when, err, want)
		}
	}
	if d.For(d.Account, "pgsm") != nil || d.For(account.NewID(), "pgsm") == nil || d.For(d.Account, "other") == nil {
		t.Error("a document is for its own account and product only")
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	p := licence.Policy{Fresh: time.Hour, Stale: 24 * time.Hour, Grace: 48 * time.Hour}
	d := document()
	confirmed := at("2026-01-10T00:00:00Z")
	for _, c := range []struct {
		when   string
		spread float64
		want   licence.State
	}{
		{"2026-01-10T00:00:00Z", 0, licence.Fresh},
		{"2026-01-10T00:59:59Z", 0, licence.Fresh},
		{"2026-01-10T00:54:00Z", 1, licence.Stale}, // spread takes a tenth
		{"2026-01-10T01:00:00Z", 0, licence.Stale},
		{"2026-01-11T00:00:00Z", 0, licence.Grace},
		{"2026-01-12T23:59:59Z", 0, licence.Grace},
		{"2026-01-13T00:00:00Z", 0, licence.Ended},
		{"2026-01-09T23:56:00Z", 0, licence.Fresh}, // within skew
		{"2026-01-09T12:00:00Z", 0, licence.Grace}, // a clock was set back
	} {
		if got := p.State(d, confirmed, c.spread, at(c.when)); got != c.want {
			t.Errorf("at %s with spread %v: %s, want %s", c.when, c.spread, got, c.want)
		}
	}
	if got := p.State(d, at("2026-01-31T23:59:00Z"), 0, at("2026-02-01T00:00:00Z")); got != licence.Ended {
		t.Errorf("confirmed a minute ago, at its end: %s", got)
	}
	if got := licence.Forever().State(d, confirmed, 0, at("2026-01-31T23:59:59Z")); got != licence.Fresh {
		t.Errorf("without a vendor: %s until its end", got)
	}
}

// Whatever the policy and the clock: nothing is served outside the document's own time or beyond stale and grace, and a
// document never gets better by waiting.
func TestNoPolicyExtendsADocument(t *testing.T) {
	t.Parallel()
	rank := map[licence.State]int{licence.Fresh: 0, licence.Stale: 1, licence.Grace: 2, licence.Ended: 3}
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(name string, limit int64) time.Duration {
			return time.Duration(rapid.Int64Range(0, limit).Draw(t, name)) * time.Second
		}
		begin := at("2026-01-01T00:00:00Z")
		d := licence.Document{NotBefore: begin, Expires: begin.Add(time.Second + seconds("life", 1e7))}
		p := licence.Policy{Fresh: seconds("fresh", 1e6), Stale: seconds("stale", 1e6), Grace: seconds("grace", 1e6)}
		confirmed := begin.Add(seconds("confirmed", 1e7))
		spread := rapid.Float64Range(0, 1).Draw(t, "spread")
		now := begin.Add(-time.Hour + seconds("now", 2e7))
		state := p.State(d, confirmed, spread, now)
		if state != licence.Ended {
			if !now.Before(d.Expires) || now.Before(d.NotBefore.Add(-licence.Skew)) {
				t.Fatalf("%s outside its own time", state)
			}
			if age := now.Sub(confirmed); age >= max(p.Fresh, p.Stale+p.Grace) {
				t.Fatalf("%s at age %s with %+v", state, age, p)
			}
		}
		later := now.Add(seconds("later", 1e6))
		if now.After(confirmed) && rank[p.State(d, confirmed, spread, later)] < rank[state] {
			t.Fatalf("%s became better by waiting", state)
		}
	})
}

func FuzzVerify(f *testing.F) {
	keys, private := keyPair(f)
	raw, err := licence.Sign(private, document())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("a.b.c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := keys.Verify(b); err == nil && !bytes.Equal(b, raw) {
			t.Errorf("%q was accepted", b)
		}
	})
}
