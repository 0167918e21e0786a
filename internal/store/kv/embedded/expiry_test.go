package embedded_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"sipward/internal/store/kv"
	"sipward/internal/store/kv/embedded"
)

// TestSweep: expired records leave the file, refreshed ones stay with one entry each in the expiry index.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, embedded.Config{Dir: dir, Fsync: embedded.Interval})
		until := func(i int, d time.Duration) {
			t.Helper()
			p := kv.Put{Key: numbered(i), Value: []byte("v")}
			if d > 0 {
				p.Expires = time.Now().Add(d)
			}
			if _, err := s.Commit(t.Context(), kv.Txn{Tag: "n", Puts: []kv.Put{p}}); err != nil {
				t.Fatal(err)
			}
		}
		const records = 600 // more than one sweep takes
		for i := range records {
			until(i, time.Minute)
		}
		for i := range 100 {
			switch i % 4 {
			case 0:
				until(i, time.Hour) // later
			case 1:
				until(i, time.Second) // sooner
			case 2:
				until(i, 0) // for ever
			case 3:
				if _, err := s.Commit(t.Context(), kv.Txn{Tag: "n", Deletes: []kv.Key{numbered(i)}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, step := range []struct {
			wait              time.Duration
			records, expiries int
		}{
			{3 * time.Second, records - 50, records - 75},
			{time.Minute, 50, 25},
			{time.Hour, 25, 0},
		} {
			time.Sleep(step.wait) // of the bubble
			synctest.Wait()
			if r, e := s.Sizes(); r != step.records || e != step.expiries {
				t.Errorf("after %v: %d records and %d expiries, want %d and %d", step.wait, r, e, step.records, step.expiries)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// FuzzLog: whatever bytes the log holds, reading them ends without a panic, and what can be read is written the same way.
func FuzzLog(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01\x01a\x01b\x00\x00\x01\x00\x00\x00\x00\x03xyz"))
	f.Add([]byte("\x05\x01a\x01s\x00\x00\x00\x00\x07\x01\x0a\x01e"))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := embedded.Decode(b)
		if err != nil {
			return
		}
		twice, err := embedded.Decode(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%x, %v after %x", twice, err, once)
		}
	})
}
