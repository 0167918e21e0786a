package kvtest

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/store/kv"
)

// benchRecords is how many accounts a benchmark has.
const benchRecords = 10_000

// benchValue is about the size of a stored account, or of its bindings.
const benchValue = 400

func benchKey(i int) kv.Key {
	return kv.Key{Tag: "b" + strconv.Itoa(i%64), Name: fmt.Sprintf("loc:%d", i)}
}

func fill(b *testing.B, s kv.Store) []kv.Key {
	b.Helper()
	keys := make([]kv.Key, benchRecords)
	txns := map[string]*kv.Txn{}
	for i := range keys {
		keys[i] = benchKey(i)
		t := txns[keys[i].Tag]
		if t == nil {
			t = &kv.Txn{Tag: keys[i].Tag}
			txns[t.Tag] = t
		}
		t.Puts = append(t.Puts, kv.Put{Key: keys[i], Value: make([]byte, benchValue), Expires: time.Now().Add(time.Hour)})
	}
	for _, t := range txns {
		if _, err := s.Commit(b.Context(), *t); err != nil {
			b.Fatal(err)
		}
	}
	return keys
}

// BenchCommit measures what a refresh of a registration is: two checks, and a put with an expiry. callers is how many do
// it at the same time.
func BenchCommit(b *testing.B, s kv.Store, callers int) {
	b.Helper()
	keys := fill(b, s)
	versions := make([]atomic.Uint64, len(keys))
	for i := range versions {
		versions[i].Store(1)
	}
	var next atomic.Int64
	value := make([]byte, benchValue)
	b.ReportAllocs()
	b.SetParallelism(callers)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(next.Add(1)) % len(keys)
			k := keys[i]
			other := kv.Key{Tag: k.Tag, Name: "absent"}
			r, err := s.Commit(b.Context(), kv.Txn{
				Tag:    k.Tag,
				Checks: []kv.Check{{Key: k, Version: versions[i].Load()}, {Key: other}},
				Puts:   []kv.Put{{Key: k, Value: value, Expires: time.Now().Add(time.Hour)}},
			})
			if err != nil {
				b.Error(err)
				return
			}
			versions[i].Store(r.Versions[0])
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

// BenchRead measures a read of two records: an account and its bindings.
func BenchRead(b *testing.B, s kv.Store, callers int) {
	b.Helper()
	keys := fill(b, s)
	var next atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(callers)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(next.Add(1))
			r, err := s.Read(b.Context(), keys[i%len(keys)], keys[i*7%len(keys)])
			if err != nil || r[0].Version == 0 {
				b.Error(r, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
}
