package embedded_test

import (
	"testing"

	"sipward/internal/store/kv"
	"sipward/internal/store/kv/embedded"
)

func open(t testing.TB, dir, fsync string) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(embedded.Config{Dir: dir, Fsync: fsync})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, embedded.Always)
	k := kv.Key{Tag: "a", Name: "x"}
	res, err := s.Commit(t.Context(), kv.Txn{Tag: "a", Puts: []kv.Put{{Key: k, Value: []byte("v")}}})
	if err != nil || res.Versions[0] != 1 {
		t.Fatal(res, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, embedded.Always)
	recs, err := s.Read(t.Context(), k)
	if err != nil || string(recs[0].Value) != "v" || recs[0].Version != 1 {
		t.Fatal(recs, err)
	}
}
