package redis_test

import (
	"errors"
	"testing"
	"time"

	"sipward/internal/store/kv"
	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/kv/redis"
)

// begun is a put that shares a script with others.
func begun(name string) kv.Txn {
	return kv.Txn{
		Tag: "f", Checks: []kv.Check{{Key: key(name)}}, Puts: []kv.Put{{Key: key(name), Value: []byte("x"), Expires: time.Now().Add(time.Hour)}},
	}
}

// TestBegunCallsLapse: nobody waits on a goroutine, and all are told in time all the same: by a silent server (F2), by
// the open breaker, and by Close.
func TestBegunCallsLapse(t *testing.T) {
	t.Parallel()
	proxy := kvtest.NewProxy(t, kvtest.Redis(t).Addr)
	s, err := redis.Open(t.Context(), redis.Config{URL: "redis://" + proxy.Addr})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 100)
	tell := func(_ kv.Result, err error) { told <- err }
	s.Begin(begun("first"), tell)
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	proxy.Swallow(true)
	start := time.Now()
	for range 50 {
		s.Begin(begun("r"), tell)
	}
	for range 50 {
		if err := <-told; !errors.Is(err, kv.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("the last was told after %v", took)
	}
	s.Begin(begun("r"), tell)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-told; !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("after Close: %v, want ErrUnavailable", err)
	}
	s.Begin(begun("r"), tell)
	if err := <-told; !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("begun after Close: %v, want ErrUnavailable", err)
	}
	if len(told) > 0 {
		t.Errorf("%d were told twice", len(told))
	}
}

// TestForeignTypeStandsAlone: a record that somebody else made into a list conflicts, and keeps nobody else from being
// written.
func TestForeignTypeStandsAlone(t *testing.T) {
	t.Parallel()
	server := kvtest.Redis(t)
	s := open(t, redis.Config{URL: server.URL()})
	server.Do("LPUSH", "{f}list", "x")
	bad, good := make(chan error, 1), make(chan error, 20)
	s.Begin(begun("list"), func(_ kv.Result, err error) { bad <- err })
	for i := range cap(good) {
		s.Begin(begun(string(rune('a'+i))), func(_ kv.Result, err error) { good <- err })
	}
	if err := <-bad; !errors.Is(err, kv.ErrConflict) {
		t.Errorf("%v, want ErrConflict", err)
	}
	for range cap(good) {
		if err := <-good; err != nil {
			t.Error(err)
		}
	}
}
