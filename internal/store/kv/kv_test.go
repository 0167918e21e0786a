package kv_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sipward/internal/store/kv"
)

func TestLess(t *testing.T) {
	t.Parallel()
	rising := []string{"", "0-1", "9-0", "9-9", "9-10", "10-0", "1766000000000-0", "18446744073709551615-18446744073709551615"}
	for i, a := range rising {
		for j, b := range rising {
			if kv.Less(a, b) != (i < j) {
				t.Errorf("Less(%q, %q) is %v", a, b, !(i < j))
			}
		}
	}
}

func TestParseID(t *testing.T) {
	t.Parallel()
	if id, err := kv.ParseID("12"); err != nil || id.String() != "12-0" {
		t.Errorf("%v, %v", id, err)
	}
	for _, bad := range []string{"x", "-", "1-x", "-1", "1-2-3", "18446744073709551616-0", "1 -0"} {
		if _, err := kv.ParseID(bad); !errors.Is(err, kv.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", bad, err)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		a := kv.ID{MS: rapid.Uint64().Draw(r, "ms"), Seq: rapid.Uint64Range(0, math.MaxUint64-1).Draw(r, "seq")}
		b := kv.ID{MS: rapid.Uint64().Draw(r, "ms"), Seq: rapid.Uint64().Draw(r, "seq")}
		if back, err := kv.ParseID(a.String()); err != nil || back != a {
			r.Fatalf("%v came back as %v, %v", a, back, err)
		}
		if kv.DecodeID(a.Append(nil)) != a || (bytes.Compare(a.Append(nil), b.Append(nil)) < 0) != a.Less(b) {
			r.Fatalf("%v and %v do not sort by their bytes", a, b)
		}
		if next := a.Next(rapid.Uint64().Draw(r, "now")); !a.Less(next) {
			r.Fatalf("%v follows %v", next, a)
		}
	})
}

func TestValid(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", kv.MaxName+1)
	k := kv.Key{Tag: "t", Name: "n"}
	for name, txn := range map[string]kv.Txn{
		"nothing":         {},
		"too many":        {Checks: make([]kv.Check, kv.MaxItems+1)},
		"a long name":     {Puts: []kv.Put{{Key: kv.Key{Tag: "t", Name: long}}}},
		"no name":         {Puts: []kv.Put{{Key: kv.Key{Tag: "t"}}}},
		"a long member":   {Adds: []kv.IndexAdd{{Index: k, Member: long}}},
		"a score of NaN":  {Adds: []kv.IndexAdd{{Index: k, Score: math.NaN()}}},
		"a large value":   {Puts: []kv.Put{{Key: k, Value: make([]byte, kv.MaxValue+1)}}},
		"a foreign tag":   {Removes: []kv.IndexRemove{{Index: kv.Key{Tag: "u", Name: "n"}}}},
		"written twice":   {Puts: []kv.Put{{Key: k}}, Deletes: []kv.Key{k}},
		"deleted twice":   {Deletes: []kv.Key{k, k}},
		"a large entry":   {Appends: []kv.Append{{Stream: k, Value: make([]byte, kv.MaxValue+1)}}},
		"a foreign check": {Checks: []kv.Check{{Key: kv.Key{Tag: "u", Name: "n"}}}},
	} {
		txn.Tag = "t"
		if err := txn.Valid(); !errors.Is(err, kv.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	good := kv.Txn{Tag: "t", Checks: []kv.Check{{Key: k}}, Puts: []kv.Put{{Key: k}}, Adds: []kv.IndexAdd{{Index: k, Score: math.Inf(1)}}}
	if err := good.Valid(); err != nil {
		t.Error(err)
	}
}
