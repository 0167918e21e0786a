package audit_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/audit"
	"sipward/internal/device"
	"sipward/internal/message"
	"sipward/internal/operator"
	"sipward/internal/seal"
)

// What is stored as bytes is a hash or a sealed secret; none of it may reach the log, at whatever depth.
func TestNoSecretOfAStoredTypeIsShown(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	for _, typ := range []reflect.Type{
		reflect.TypeFor[account.Account](), reflect.TypeFor[account.Token](), reflect.TypeFor[operator.Operator](), reflect.TypeFor[device.Phone](), reflect.TypeFor[message.Message](),
	} {
		v, n := fill(typ, canary)
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 || !strings.Contains(string(b), canary) {
			t.Fatalf("%s holds no secret: the test is blind", typ)
		}
		for _, pair := range [][2][]byte{{nil, b}, {b, nil}, {[]byte(`{}`), b}} {
			shown, err := json.Marshal(audit.Diff(pair[0], pair[1]))
			if err != nil || strings.Contains(string(shown), canary) {
				t.Errorf("%s: a secret is shown, %v: %s", typ, err, shown)
			}
		}
	}
}

// fill is a value of the type as JSON has it, with the canary in every field that holds bytes.
func fill(typ reflect.Type, canary string) (v any, n int) {
	switch typ.Kind() {
	case reflect.Pointer:
		return fill(typ.Elem(), canary)
	case reflect.Slice:
		if typ.Elem().Kind() == reflect.Uint8 {
			return canary, 1
		}
		inner, n := fill(typ.Elem(), canary)
		return []any{inner}, n
	case reflect.Struct:
		if typ == reflect.TypeFor[time.Time]() {
			return "2026-01-01T00:00:00Z", 0
		}
		m := map[string]any{}
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name == "-" || name == "certificate" { // a certificate is public
				continue
			}
			inner, k := fill(f.Type, canary)
			m[name], n = inner, n+k
		}
		return m, n
	case reflect.String:
		return "x", 0
	}
	return 1, 0
}

func TestDiffTellsBeforeAndAfter(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(audit.Diff(
		[]byte(`{"schema":1,"id":"a","name":"Sales","role":"admin","password":"x","updated_at":"1","deep":{"token":"s","n":1}}`),
		[]byte(`{"schema":1,"id":"a","name":"Sale","password":"y","updated_at":"2","deep":{"token":"t","n":2},"new":null,"text":"`+strings.Repeat("x", 3000)+`"}`),
	))
	want := `[{"field":"deep","before":{"n":1,"token":"[secret]"},"after":{"n":2,"token":"[secret]"}},` +
		`{"field":"name","before":"Sales","after":"Sale"},{"field":"new","before":null,"after":null},{"field":"password","before":"[secret]","after":"[secret]"},` +
		`{"field":"role","before":"admin","after":null},{"field":"text","before":null,"after":"[3002 bytes]"}]`
	if err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func chain(t *testing.T, n int) (audit.Head, []audit.Line) {
	t.Helper()
	h := audit.Head{Schema: 1, Chain: "org"}
	var lines []audit.Line
	for range n {
		var b []byte
		var err error
		if h, b, err = h.Append(audit.Entry{At: time.Unix(1, 0).UTC(), Result: audit.Done, Act: audit.Act{By: "ann<>&"}}); err != nil {
			t.Fatal(err)
		}
		l, _, err := audit.ParseLine(b)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return h, lines
}

// O4: whatever is done to a line, the check names it.
func TestTheCheckNamesWhatWasDone(t *testing.T) {
	t.Parallel()
	spoilt, named := 0, 0
	keys := audit.Keys{seal.NewRoot().Derive("audit chain")}
	for name, x := range map[string]struct {
		spoil func(*audit.Head, []audit.Line) []audit.Line
		at    uint64 // of the first fault; 0: none
	}{
		"nothing": {func(_ *audit.Head, l []audit.Line) []audit.Line { return l }, 0},
		"changed": {func(_ *audit.Head, l []audit.Line) []audit.Line {
			l[2].Entry = json.RawMessage(strings.Replace(string(l[2].Entry), "ann", "eve", 1))
			return l
		}, 3},
		"hash too": {func(_ *audit.Head, l []audit.Line) []audit.Line { l[2] = forge(t, l[2]); return l }, 4},
		"dropped":  {func(_ *audit.Head, l []audit.Line) []audit.Line { return append(l[:1:1], l[2:]...) }, 2},
		"swapped":  {func(_ *audit.Head, l []audit.Line) []audit.Line { l[1], l[2] = l[2], l[1]; return l }, 2},
		"cut off":  {func(_ *audit.Head, l []audit.Line) []audit.Line { return l[:4] }, 5},
		"cut off with a forged head": {func(h *audit.Head, l []audit.Line) []audit.Line {
			h.Seq, h.Hash = 4, l[3].Hash
			return l[:4]
		}, 4},
		"all made anew": {func(h *audit.Head, _ []audit.Line) []audit.Line {
			fresh, lines := chain(t, 5)
			*h = audit.Keys{[]byte("another key")}.Seal(fresh)
			return lines
		}, 5},
		"unreadable": {func(_ *audit.Head, l []audit.Line) []audit.Line { l[1].Entry = json.RawMessage("?"); return l }, 2},
	} {
		h, lines := chain(t, 5)
		h = keys.Seal(h)
		lines = x.spoil(&h, lines)
		c := audit.NewChecker("org", 0, "")
		for _, l := range lines {
			c.Next(l)
		}
		c.End(h, keys)
		if x.at > 0 {
			spoilt++
			named += min(1, len(c.Faults))
		}
		if x.at == 0 && len(c.Faults) > 0 || x.at > 0 && (len(c.Faults) == 0 || c.Faults[0].Seq != x.at) {
			t.Errorf("%s: faults %+v, want the first at %d", name, c.Faults, x.at)
		}
	}
	t.Logf("logs that were tampered with and are named: %d / at least %d", named, spoilt)
}

// forge changes an entry and its hash, as somebody does who knows how the chain is made.
func forge(t *testing.T, l audit.Line) audit.Line {
	t.Helper()
	var e audit.Entry
	if err := json.Unmarshal(l.Entry, &e); err != nil {
		t.Fatal(err)
	}
	e.Act.By = "eve"
	_, b, err := audit.Head{Chain: e.Chain, Seq: e.Seq - 1, Hash: e.Prev}.Append(e)
	if err != nil {
		t.Fatal(err)
	}
	l, _, err = audit.ParseLine(b)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
