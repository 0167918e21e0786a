package seal_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sipward/internal/seal"
)

func TestBoxOpensOnlyAsItWasSealed(t *testing.T) {
	t.Parallel()
	root := seal.NewRoot()
	ring := seal.NewRing("p", root)
	box := ring.Seal("aad", []byte("plain"))
	if got, err := ring.Open("aad", box); err != nil || string(got) != "plain" {
		t.Fatalf("%q, %v", got, err)
	}
	if got, err := seal.NewRing("p", root).Open("aad", box); err != nil || string(got) != "plain" {
		t.Errorf("after a restart: %q, %v", got, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"other aad":     func() ([]byte, error) { return ring.Open("bad", box) },
		"no aad":        func() ([]byte, error) { return ring.Open("", box) },
		"other purpose": func() ([]byte, error) { return seal.NewRing("q", root).Open("aad", box) },
		"other root":    func() ([]byte, error) { return seal.NewRing("p", seal.NewRoot()).Open("aad", box) },
		"empty":         func() ([]byte, error) { return ring.Open("aad", nil) },
		"empty ring":    func() ([]byte, error) { return seal.NewRing("p").Open("aad", box) },
	} {
		if got, err := open(); !errors.Is(err, seal.ErrOpen) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for i := range box {
		bent := bytes.Clone(box)
		bent[i] ^= 1
		if _, err := ring.Open("aad", bent); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := ring.Open("aad", box[:i]); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestBoxesOfOneTextDiffer(t *testing.T) {
	t.Parallel()
	ring, seen := seal.NewRing("p", seal.NewRoot()), map[string]bool{}
	for range 1000 {
		seen[string(ring.Seal("a", []byte("same")))] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d different boxes of 1000", len(seen))
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	old, fresh := seal.NewRoot(), seal.NewRoot()
	box := seal.NewRing("p", old).Seal("a", []byte("x"))
	both := seal.NewRing("p", fresh, old)
	if got, err := both.Open("a", box); err != nil || string(got) != "x" {
		t.Errorf("the old key still opens: %q, %v", got, err)
	}
	after := both.Seal("a", []byte("y"))
	only := seal.NewRing("p", fresh)
	if got, err := only.Open("a", after); err != nil || string(got) != "y" {
		t.Errorf("sealed under the newest key: %q, %v", got, err)
	}
	if _, err := only.Open("a", box); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("an old box without the old key: %v", err)
	}
}

func TestPurposesShareNoKey(t *testing.T) {
	t.Parallel()
	root := seal.NewRoot()
	a, b := root.Derive("a"), root.Derive("b")
	if len(a) != 32 || bytes.Equal(a, b) || bytes.Equal(a, root[:]) || !bytes.Equal(a, root.Derive("a")) {
		t.Error("derived keys are not distinct, stable and 32 bytes long")
	}
}

func TestParseRoot(t *testing.T) {
	t.Parallel()
	root := seal.NewRoot()
	text := hex.EncodeToString(root[:])
	for _, s := range []string{text, strings.ToUpper(text), " " + text + "\r\n"} {
		if got, err := seal.ParseRoot(s); err != nil || got != root {
			t.Errorf("%v", err)
		}
	}
	for _, s := range []string{"", text[:62], text + "00", "zz" + text[2:], text[:63]} {
		if _, err := seal.ParseRoot(s); err == nil || strings.Contains(err.Error(), text[2:40]) {
			t.Errorf("%d digits: %v", len(s), err)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if out := fmt.Sprintf(verb, root); out != "[redacted]" {
			t.Errorf("%s prints %q", verb, out)
		}
	}
	if b, err := json.Marshal(root); err != nil || string(b) != `"[redacted]"` {
		t.Errorf("as JSON %s, %v", b, err)
	}
}

func TestLoadOrCreate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys", "root.key")
	made, err := seal.LoadOrCreate(path)
	if err != nil || len(made) != 1 {
		t.Fatalf("%d keys, %v", len(made), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if again, err := seal.LoadOrCreate(path); err != nil || len(again) != 1 || again[0] != made[0] {
		t.Errorf("read again: %d keys, %v", len(again), err)
	}
	fresh := seal.NewRoot()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(hex.EncodeToString(fresh[:]) + "\n\n" + hex.EncodeToString(made[0][:]) + "\n\n")
	if two, err := seal.LoadOrCreate(path); err != nil || len(two) != 2 || two[0] != fresh || two[1] != made[0] {
		t.Errorf("%d keys, %v; want the newest first", len(two), err)
	}
	for text, want := range map[string]string{"": "is empty", "\n": "is empty", "abc\n": "64 hexadecimal digits"} {
		write(text)
		if _, err := seal.LoadOrCreate(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := seal.LoadOrCreate(filepath.Join(path, "below")); err == nil {
		t.Error("a file as a directory")
	}
}
