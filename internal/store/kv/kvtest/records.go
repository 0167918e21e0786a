package kvtest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"sipward/internal/store/kv"
)

func absent(f *fixture) { f.want("nothing", "", 0) }

func putAndRead(f *fixture) {
	if v := f.put("r", "hello"); v != 1 {
		f.Fatalf("the first put made version %d", v)
	}
	f.want("r", "hello", 1)
}

func versionsRise(f *fixture) {
	for want := uint64(1); want <= 5; want++ {
		if v := f.put("r", "x"); v != want {
			f.Fatalf("version %d, want %d", v, want)
		}
	}
}

func deleteStartsAgain(f *fixture) {
	f.put("r", "a")
	f.put("r", "b")
	f.commit(kv.Txn{Deletes: []kv.Key{f.key("r")}})
	f.want("r", "", 0)
	f.commit(kv.Txn{Deletes: []kv.Key{f.key("r")}}) // of nothing
	if v := f.put("r", "c"); v != 1 {
		f.Fatalf("version %d after a delete, want 1", v)
	}
}

func readOrder(f *fixture) {
	var keys []kv.Key
	for i := range 50 {
		k := kv.Key{Tag: f.tag + strings.Repeat("x", i%7), Name: string(rune('a' + i%26))}
		f.commit(kv.Txn{Tag: k.Tag, Puts: []kv.Put{{Key: k, Value: []byte(k.String())}}})
		keys = append(keys, k, kv.Key{Tag: k.Tag, Name: "missing"})
	}
	records, err := f.store.Read(f.ctx, keys...)
	if err != nil || len(records) != len(keys) {
		f.Fatalf("%d records, %v", len(records), err)
	}
	for i, k := range keys {
		if k.Name == "missing" && records[i].Version != 0 || k.Name != "missing" && string(records[i].Value) != k.String() {
			f.Errorf("%s is %q", k, records[i].Value)
		}
	}
}

func anyBytes(f *fixture) {
	value := make([]byte, 256)
	for i := range value {
		value[i] = byte(i)
	}
	f.put("r", string(value))
	f.want("r", string(value), 1)
	f.put("r", "")
	f.want("r", "", 2)
	f.put("name with spaces\r\n\x00\xff}{", "v")
	f.want("name with spaces\r\n\x00\xff}{", "v", 1)
}

func largeValue(f *fixture) {
	value := make([]byte, 4<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range value {
		value[i] = byte(r.Uint32())
	}
	f.patiently(func() error {
		_, err := f.store.Commit(f.ctx, kv.Txn{Tag: f.tag, Puts: []kv.Put{{Key: f.key("r"), Value: value}}})
		return err
	})
	f.patiently(func() error {
		got, err := f.store.Read(f.ctx, f.key("r"))
		if err == nil && !bytes.Equal(got[0].Value, value) {
			f.Fatalf("%d bytes came back, and not the same", len(got[0].Value))
		}
		return err
	})
}

// patiently tries again what a busy machine had no time for: four megabytes are much for the 200 ms of one call.
func (f *fixture) patiently(try func() error) {
	f.Helper()
	for range 50 {
		err := try()
		if err == nil {
			return
		}
		if !errors.Is(err, kv.ErrUnavailable) {
			f.Fatal(err)
		}
	}
	f.Fatal("the store never had time")
}

func checkPasses(f *fixture) {
	v := f.put("r", "a")
	f.commit(kv.Txn{Checks: []kv.Check{{Key: f.key("r"), Version: v}}, Puts: []kv.Put{{Key: f.key("r"), Value: []byte("b")}}})
	f.want("r", "b", 2)
	f.commit(kv.Txn{Checks: []kv.Check{{Key: f.key("r"), Version: 2}}}) // a check alone is a transaction too
}

func checkFails(f *fixture) {
	f.put("r", "a")
	for _, version := range []uint64{0, 2, 1 << 40} {
		f.conflict(kv.Txn{Checks: []kv.Check{{Key: f.key("r"), Version: version}}, Puts: []kv.Put{{Key: f.key("r"), Value: []byte("b")}}})
	}
	f.want("r", "a", 1)
}

// conflict must fail with kv.ErrConflict.
func (f *fixture) conflict(t kv.Txn) {
	f.Helper()
	t.Tag = f.tag
	if r, err := f.store.Commit(f.ctx, t); !errors.Is(err, kv.ErrConflict) {
		f.Fatalf("Commit gave %v, %v, want ErrConflict", r, err)
	}
}

func checkAbsence(f *fixture) {
	claim := kv.Txn{Checks: []kv.Check{{Key: f.key("claim")}}, Puts: []kv.Put{{Key: f.key("claim"), Value: []byte("me")}}}
	f.commit(claim)
	f.conflict(claim)
	f.want("claim", "me", 1)
}

func allOrNothing(f *fixture) {
	f.put("a", "a")
	f.put("gone", "x")
	f.conflict(kv.Txn{
		Checks:  []kv.Check{{Key: f.key("a"), Version: 1}, {Key: f.key("b")}, {Key: f.key("a"), Version: 7}},
		Puts:    []kv.Put{{Key: f.key("a"), Value: []byte("A")}, {Key: f.key("b"), Value: []byte("B")}},
		Deletes: []kv.Key{f.key("gone")},
		Adds:    []kv.IndexAdd{{Index: f.key("i"), Member: "m", Score: 1}},
		Appends: []kv.Append{{Stream: f.key("s"), Value: []byte("e")}},
	})
	f.want("a", "a", 1)
	f.want("b", "", 0)
	f.want("gone", "x", 1)
	if n := f.count("i"); n != 0 {
		f.Errorf("the index has %d members", n)
	}
	if id := f.head("s"); id != "" {
		f.Errorf("the stream has %s", id)
	}
}

func kindsInOrder(f *fixture) {
	r := f.commit(kv.Txn{
		Puts:    []kv.Put{{Key: f.key("a"), Value: []byte("1")}, {Key: f.key("b"), Value: []byte("2")}},
		Adds:    []kv.IndexAdd{{Index: f.key("i"), Member: "m", Score: 1}, {Index: f.key("i"), Member: "m", Score: 2}, {Index: f.key("i"), Member: "n", Score: 1}},
		Removes: []kv.IndexRemove{{Index: f.key("i"), Member: "n"}, {Index: f.key("i"), Member: "never"}},
		Appends: []kv.Append{{Stream: f.key("s"), Value: []byte("x")}, {Stream: f.key("s"), Value: []byte("y")}},
	})
	if len(r.Versions) != 2 || len(r.Entries) != 2 || !kv.Less(r.Entries[0], r.Entries[1]) {
		f.Fatalf("result %+v", r)
	}
	f.members(all(f.key("i")), kv.Member{Name: "m", Score: 2})
	f.entries("s", "", "x", "y")
}

func twoTags(f *fixture) {
	other := kv.Key{Tag: f.tag + "other", Name: "x"}
	for name, t := range map[string]kv.Txn{
		"check":  {Checks: []kv.Check{{Key: other}}},
		"put":    {Puts: []kv.Put{{Key: f.key("x")}, {Key: other}}},
		"delete": {Deletes: []kv.Key{other}},
		"add":    {Adds: []kv.IndexAdd{{Index: other, Member: "m"}}},
		"remove": {Removes: []kv.IndexRemove{{Index: other, Member: "m"}}},
		"append": {Appends: []kv.Append{{Stream: other}}},
		"empty":  {},
		"brace":  {Puts: []kv.Put{{Key: kv.Key{Tag: f.tag + "}", Name: "x"}}}},
	} {
		t.Tag = f.tag
		if name == "brace" {
			t.Tag += "}"
		}
		if _, err := f.store.Commit(f.ctx, t); !errors.Is(err, kv.ErrInvalid) {
			f.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	f.want("x", "", 0)
}

func writtenTwice(f *fixture) {
	k := f.key("r")
	for _, t := range []kv.Txn{
		{Puts: []kv.Put{{Key: k}, {Key: k}}},
		{Puts: []kv.Put{{Key: k}}, Deletes: []kv.Key{k}},
		{Puts: []kv.Put{{Key: k}}, Deletes: append(make([]kv.Key, 0, 30), f.many(20, k)...)},
	} {
		t.Tag = f.tag
		if _, err := f.store.Commit(f.ctx, t); !errors.Is(err, kv.ErrInvalid) {
			f.Errorf("%v, want ErrInvalid", err)
		}
	}
}

func (f *fixture) many(n int, last kv.Key) []kv.Key {
	var keys []kv.Key
	for i := range n {
		keys = append(keys, f.key(strings.Repeat("k", i+1)))
	}
	return append(keys, last)
}

func valueIsCopied(f *fixture) {
	value := []byte("one")
	f.commit(kv.Txn{Puts: []kv.Put{{Key: f.key("r"), Value: value}}, Appends: []kv.Append{{Stream: f.key("s"), Value: value}}})
	copy(value, "two")
	f.want("r", "one", 1)
	f.entries("s", "", "one")
}

func expiredIsAbsent(f *fixture) {
	f.putUntil("past", "x", time.Now().Add(-time.Hour))
	f.want("past", "", 0)
	f.putUntil("soon", "x", time.Now().Add(30*time.Millisecond))
	f.putUntil("later", "x", time.Now().Add(time.Hour))
	f.eventually("the record expires", func() bool { return f.read("soon").Version == 0 })
	f.want("later", "x", 1)
	f.commit(kv.Txn{Checks: []kv.Check{{Key: f.key("soon")}, {Key: f.key("past")}, {Key: f.key("later"), Version: 1}}})
}

func expiredStartsAgain(f *fixture) {
	f.put("r", "a")
	f.putUntil("r", "b", time.Now().Add(20*time.Millisecond))
	f.eventually("the record expires", func() bool { return f.read("r").Version == 0 })
	if v := f.put("r", "c"); v != 1 {
		f.Fatalf("version %d after the expiry, want 1", v)
	}
	f.want("r", "c", 1)
}

func refreshKeepsAlive(f *fixture) {
	end := time.Now().Add(50 * time.Millisecond)
	f.putUntil("r", "a", end)
	f.putUntil("r", "b", time.Now().Add(time.Hour))
	f.putUntil("witness", "w", end)
	f.eventually("the witness expires", func() bool { return f.read("witness").Version == 0 })
	f.want("r", "b", 2)
}

func expiryRemoved(f *fixture) {
	end := time.Now().Add(50 * time.Millisecond)
	f.putUntil("r", "a", end)
	f.put("r", "b")
	f.putUntil("witness", "w", end)
	f.eventually("the witness expires", func() bool { return f.read("witness").Version == 0 })
	f.want("r", "b", 2)
}

func endedContext(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	if _, err := f.store.Read(ctx, f.key("r")); err == nil {
		f.Error("Read with an ended context")
	}
	if _, err := f.store.Commit(ctx, kv.Txn{Tag: f.tag, Puts: []kv.Put{{Key: f.key("r")}}}); err == nil {
		f.Error("Commit with an ended context")
	}
	f.want("r", "", 0)
}

func durableAndPing(f *fixture) {
	f.put("r", "x")
	if err := f.store.Durable(f.ctx); err != nil {
		f.Errorf("Durable: %v", err)
	}
	if err := f.store.Ping(f.ctx); err != nil {
		f.Errorf("Ping: %v", err)
	}
}
