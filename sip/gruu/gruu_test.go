package gruu_test

import (
	"bytes"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/gruu"
)

const instance = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"

func read(t *testing.T, m *gruu.Maker, text string) (gruu.Target, bool, bool) {
	t.Helper()
	var uri gosip.Uri
	if err := gosip.ParseUri(text, &uri); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m.Read(&uri)
}

func TestPublic(t *testing.T) {
	t.Parallel()
	m := gruu.New("example.com", make([]byte, 32))
	for _, of := range []string{instance, `odd;"one" 100%`} {
		text := m.Public("1002", of)
		if of == instance && text != "sip:1002@example.com;gr="+instance {
			t.Errorf("got %s", text)
		}
		target, ok, broken := read(t, m, text)
		if !ok || broken || target.Account != "" {
			t.Fatalf("%s: %v %v %q", text, ok, broken, target.Account)
		}
		kept := target.Keep([]location.Binding{{Instance: "urn:uuid:other"}, {Instance: of, RegID: 1}, {Instance: of, RegID: 2}, {}})
		if len(kept) != 2 || kept[0].RegID != 1 || kept[1].RegID != 2 {
			t.Errorf("%s leads to %v", text, kept)
		}
	}
}

// RFC 5627 section 3.1.2: two of them have nothing in common, both lead to the phone, and neither outlives the Call-ID.
func TestTemporary(t *testing.T) {
	t.Parallel()
	m := gruu.New("example.com", bytes.Repeat([]byte{1}, 32))
	id, b := account.NewID(), location.Binding{Instance: instance, CallID: "one"}
	first, second := m.Temporary(id, b), m.Temporary(id, b)
	if first == second || strings.Contains(first, string(id)) || strings.Contains(first, instance) {
		t.Errorf("they tell something: %s %s", first, second)
	}
	for _, text := range []string{first, second} {
		target, ok, broken := read(t, m, text)
		if !ok || broken || target.Account != id {
			t.Fatalf("%s: %v %v %q", text, ok, broken, target.Account)
		}
		if kept := target.Keep([]location.Binding{b}); len(kept) != 1 {
			t.Errorf("%s does not lead to its phone", text)
		}
		b2 := b
		b2.CallID = "two"
		if kept := target.Keep([]location.Binding{b2, {Instance: "urn:uuid:other", CallID: "one"}}); len(kept) != 0 {
			t.Errorf("%s leads to %v", text, kept)
		}
	}
}

func TestForgedAndForeign(t *testing.T) {
	t.Parallel()
	m, other := gruu.New("example.com", bytes.Repeat([]byte{1}, 32)), gruu.New("example.com", bytes.Repeat([]byte{2}, 32))
	made := other.Temporary(account.NewID(), location.Binding{Instance: instance, CallID: "one"})
	for _, text := range []string{made, "sip:tgruu.@example.com;gr", "sip:tgruu.AAAA@example.com;gr", "sip:tgruu.%00@example.com;gr"} {
		if _, ok, broken := read(t, m, text); !ok || !broken {
			t.Errorf("%s: %v %v", text, ok, broken)
		}
	}
	if _, ok, _ := read(t, m, "sip:1002@example.com"); ok {
		t.Error("a plain address is taken for a GRUU")
	}
}
