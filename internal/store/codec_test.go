package store_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store"
)

// drawBinding makes any binding, with strings that a hostile phone would send.
func drawBinding(t *rapid.T) location.Binding {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\"", "\\", "\x00\x1f", "</script>", "\u2028", "é€𝄞"}))
	when := func(name string) time.Time {
		return time.Unix(rapid.Int64Range(0, 1<<36).Draw(t, name), rapid.Int64Range(0, 999999999).Draw(t, name+"ns")).UTC()
	}
	b := location.Binding{
		Contact: text.Draw(t, "contact"), URI: text.Draw(t, "uri"), Instance: text.Draw(t, "instance"), RegID: rapid.IntRange(0, 1<<31-1).Draw(t, "regid"),
		CallID: text.Draw(t, "callid"), CSeq: rapid.Uint32().Draw(t, "cseq"), Q: float32(rapid.IntRange(0, 1000).Draw(t, "q")) / 1000,
		Expires: when("expires"), Since: when("since"), Network: text.Draw(t, "network"), Cipher: text.Draw(t, "cipher"),
		Agent: text.Draw(t, "agent"), Node: text.Draw(t, "node"), Flow: text.Draw(t, "flow"),
		Path: rapid.SliceOfN(text, 0, 3).Draw(t, "path"),
	}
	if rapid.Bool().Draw(t, "received") {
		b.Received = netip.AddrPortFrom(netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "ip"))), rapid.Uint16().Draw(t, "port"))
	}
	return b
}

// The hand-written record is one that encoding/json reads back to the same bindings.
func TestLocationCodecIsJSON(t *testing.T) {
	t.Parallel()
	codec := store.NewLocationCodec()
	rapid.Check(t, func(t *rapid.T) {
		set := location.Set{Account: "abc", Version: 1}
		for range rapid.IntRange(0, 3).Draw(t, "bindings") {
			set.Bindings = append(set.Bindings, drawBinding(t))
		}
		value := codec.Encode(set, time.Unix(1, 0))
		var plain struct {
			Schema   int
			ID       account.ID
			Bindings []location.Binding
		}
		if err := json.Unmarshal(value, &plain); err != nil {
			t.Fatalf("%v in %s", err, value)
		}
		same := cmp.Options{cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty()}
		if d := cmp.Diff(set.Bindings, plain.Bindings, same); d != "" || plain.Schema != 1 || plain.ID != "abc" {
			t.Fatalf("(-want +got)\n%s", d)
		}
		if _, ok := store.ScanLocation(value); !ok && !strings.Contains(string(value), `\u`) {
			t.Fatalf("the scanner gave up on %s", value)
		}
		got, err := codec.Decode("abc", value)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(set, got, same); d != "" {
			t.Fatalf("(-want +got)\n%s", d)
		}
	})
}

func TestInvalidTextBecomesValidJSON(t *testing.T) {
	t.Parallel()
	codec := store.NewLocationCodec()
	b := binding("p", time.Now())
	b.Agent = "a\xff\xc3b\xe2\x82"
	got, err := codec.Decode("a", codec.Encode(location.Set{Account: "a", Bindings: []location.Binding{b}}, time.Time{}))
	if err != nil || got.Bindings[0].Agent != "a\ufffd\ufffdb\ufffd\ufffd" {
		t.Errorf("%q, %v", got.Bindings[0].Agent, err)
	}
}

// FuzzLocationRecord: whatever is in the store, decoding it ends with a set of the right account or ErrMisfit.
func FuzzLocationRecord(f *testing.F) {
	codec := store.NewLocationCodec()
	f.Add(codec.Encode(location.Set{Account: "a", Bindings: []location.Binding{binding("p", time.Unix(1, 0))}}, time.Unix(1, 0)))
	f.Add([]byte(`{"schema":2,"id":"a","bindings":[{"uri":"x","more":1}],"more":{}}`))
	f.Add([]byte(`{"schema":9,"id":"a","bindings":null}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		if fast, ok := store.ScanLocation(value); ok { // then encoding/json says the same
			var slow struct{ Bindings []location.Binding }
			if err := json.Unmarshal(value, &slow); err != nil {
				t.Fatalf("the scanner took %q: %v", value, err)
			}
			if d := cmp.Diff(slow.Bindings, fast, cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("(-json +scanner)\n%s", d)
			}
		}
		set, err := codec.Decode("a", value)
		if err != nil {
			if !errors.Is(err, store.ErrMisfit) {
				t.Fatal(err)
			}
			return
		}
		if set.Account != "a" {
			t.Fatalf("account %q", set.Account)
		}
		for _, b := range set.Bindings { // a year beyond 9999 cannot be written, as with encoding/json
			if y := b.Expires.UTC().Year(); y < 0 || y > 9999 {
				return
			}
			if y := b.Since.UTC().Year(); y < 0 || y > 9999 || strings.ContainsRune(b.Received.Addr().Zone(), '"') {
				return
			}
		}
		if _, err := codec.Decode("a", codec.Encode(set, time.Unix(1, 0))); err != nil {
			t.Fatalf("written again: %v", err)
		}
	})
}
