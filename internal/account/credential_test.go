package account_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"strings"
	"testing"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// The examples of RFC 7616 section 3.9.1: the response follows from HA1, so a right response proves HA1.
func TestHashHA1IsThatOfRFC7616(t *testing.T) {
	t.Parallel()
	const (
		nonce  = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
		cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	)
	ha1 := account.HashHA1("Mufasa", "http-auth@example.org", "Circle of Life")
	for _, tc := range []struct {
		name string
		h    func() hash.Hash
		ha1  account.Secret
		want string
	}{
		{"MD5", md5.New, ha1.MD5, "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", sha256.New, ha1.SHA256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	} {
		sum := func(s string) string {
			h := tc.h()
			h.Write([]byte(s))
			return hex.EncodeToString(h.Sum(nil))
		}
		got := sum(tc.ha1.Reveal() + ":" + nonce + ":00000001:" + cnonce + ":auth:" + sum("GET:/dir/index.html"))
		if got != tc.want {
			t.Errorf("%s: response %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestCredentialOpensOnlyForItsAccountAndKey(t *testing.T) {
	t.Parallel()
	ring := seal.NewRing("ha1", seal.NewRoot())
	a := account.Account{ID: "a", User: "1234"}
	a.SetPassword(ring, "realm", "secret")
	want := account.HashHA1("1234", "realm", "secret")
	if got, err := a.OpenHA1(ring); err != nil || got != want {
		t.Errorf("%v, equal %t", err, got == want)
	}
	other, renamed, mixed, rekeyed := a, a, a, a
	other.ID, renamed.User = "b", "4321"
	mixed.Credential.MD5, mixed.Credential.SHA256 = a.Credential.SHA256, a.Credential.MD5
	for name, x := range map[string]account.Account{"on another account": other, "under another user": renamed, "hashes swapped": mixed} {
		if _, err := x.OpenHA1(ring); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := rekeyed.OpenHA1(seal.NewRing("ha1", seal.NewRoot())); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("another root key: %v", err)
	}
}

func TestSetPasswordRaisesTheEpochAndForgetsThePlainOne(t *testing.T) {
	t.Parallel()
	ring := seal.NewRing("ha1", seal.NewRoot())
	a := account.Account{ID: "a", User: "1234", Credential: account.Credential{Plain: seal.Box("x")}}
	a.SetPassword(ring, "r", "one")
	first := a.Credential
	a.SetPassword(ring, "r", "one")
	if first.Epoch != 1 || a.Credential.Epoch != 2 || first.Plain != nil || bytes.Equal(first.MD5, a.Credential.MD5) {
		t.Errorf("%+v, then %+v", first, a.Credential)
	}
}

func TestSecretsAreNeverSeen(t *testing.T) {
	t.Parallel()
	const canary = "hunter2-canary"
	s := account.Secret(canary)
	h := account.HA1{MD5: s, SHA256: s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s", "%t"} {
		for _, v := range []any{s, h, &h, []account.Secret{s}, map[string]account.Secret{"k": s}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("x", "s", s, "h", h, "any", []any{s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "h", h)
	b, err := json.Marshal(map[string]any{"s": s, "h": h})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	for _, leak := range []string{canary, hex.EncodeToString([]byte(canary)), strings.ToUpper(hex.EncodeToString([]byte(canary))), canary[:6]} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is in\n%s", leak, out.String())
		}
	}
	if s.Reveal() != canary {
		t.Error("Reveal does not reveal")
	}
	if a, b := account.NewSecret(), account.NewSecret(); a == b || len(a) < 26 {
		t.Errorf("new secrets of %d characters, equal %t", len(a), a == b)
	}
}

func TestTakenErrorNamesFieldAndValue(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("row 3: %w", &account.TakenError{Field: "number", Value: "+390212345678"})
	var taken *account.TakenError
	if !errors.Is(err, account.ErrTaken) || !errors.As(err, &taken) || taken.Error() != "number +390212345678 is already in use" {
		t.Errorf("%v", err)
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	if len(account.Languages()) != 5 || account.Languages()[0] != "en" || !account.Language("de").Known() || account.Language("DE").Known() || account.Language("").Known() {
		t.Errorf("%v", account.Languages())
	}
}
