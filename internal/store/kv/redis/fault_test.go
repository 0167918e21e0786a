package redis_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/store/kv"
	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/kv/redis"
)

var errNothing = errors.New("nothing")

func key(name string) kv.Key { return kv.Key{Tag: "f", Name: name} }

func write(ctx context.Context, s kv.Store) error {
	_, err := s.Commit(ctx, kv.Txn{Tag: "f", Puts: []kv.Put{{Key: key("r"), Value: []byte("x")}}})
	return err
}

func read(ctx context.Context, s kv.Store) error {
	_, err := s.Read(ctx, key("r"))
	return err
}

// lines is where a test's log goes.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), part)
}

// TestErrorClasses provokes what Redis can answer (F5): the verdict of the port, one alarm, and recovery without restart.
func TestErrorClasses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class      string
		call       func(context.Context, kv.Store) error
		want       error
		fail, mend func(*kvtest.Server)
	}{
		{"READONLY", write, kv.ErrRefused,
			func(s *kvtest.Server) { s.Do("REPLICAOF", "127.0.0.1", "1") },
			func(s *kvtest.Server) { s.Do("REPLICAOF", "NO", "ONE") }},
		{"MASTERDOWN", read, kv.ErrUnavailable,
			func(s *kvtest.Server) {
				s.Do("CONFIG", "SET", "replica-serve-stale-data", "no")
				s.Do("REPLICAOF", "127.0.0.1", "1")
			},
			func(s *kvtest.Server) { s.Do("REPLICAOF", "NO", "ONE") }},
		{"OOM", write, kv.ErrRefused,
			func(s *kvtest.Server) { s.Do("CONFIG", "SET", "maxmemory", "1") },
			func(s *kvtest.Server) { s.Do("CONFIG", "SET", "maxmemory", "0") }},
		{"MISCONF", write, kv.ErrRefused, breakSaving,
			func(s *kvtest.Server) { s.Do("CONFIG", "SET", "save", "") }},
		{"NOREPLICAS", write, kv.ErrRefused,
			func(s *kvtest.Server) { s.Do("CONFIG", "SET", "min-replicas-to-write", "1") },
			func(s *kvtest.Server) { s.Do("CONFIG", "SET", "min-replicas-to-write", "0") }},
		{"NOPERM", write, kv.ErrRefused,
			func(s *kvtest.Server) { s.Do("ACL", "SETUSER", "default", "-evalsha") },
			func(s *kvtest.Server) { s.Do("ACL", "SETUSER", "default", "+@all") }},
		{"BUSY", read, kv.ErrUnavailable, keepBusy,
			func(s *kvtest.Server) { s.Do("SCRIPT", "KILL") }},
	} {
		t.Run(c.class, func(t *testing.T) {
			t.Parallel()
			server := kvtest.Redis(t)
			var log lines
			metrics := prometheus.NewRegistry()
			s := open(t, redis.Config{URL: server.URL(), Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: metrics})
			if err := write(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			c.fail(server)
			var err error
			if !kvtest.Until(5*time.Second, func() bool {
				err = c.call(t.Context(), s)
				return errors.Is(err, c.want) && strings.Contains(err.Error(), c.class)
			}) {
				t.Fatalf("%v, want %v by %s", err, c.want, c.class)
			}
			for range 5 {
				_ = c.call(t.Context(), s)
			}
			if n := log.count("class=" + c.class); n != 1 {
				t.Errorf("%d log lines about %s, want 1", n, c.class)
			}
			if n := counted(t, metrics, c.class); n < 5 {
				t.Errorf("%v errors counted, want 5 or more", n)
			}
			c.mend(server)
			if !kvtest.Until(5*time.Second, func() bool { err = write(t.Context(), s); return err == nil }) {
				t.Fatalf("no recovery: %v", err)
			}
		})
	}
}

// breakSaving makes the next background save fail, as a full disk does: the directory it writes to is gone.
func breakSaving(s *kvtest.Server) {
	s.Do("CONFIG", "SET", "save", "3600 100000")
	if os.RemoveAll(s.Dir) == nil {
		s.Do("BGSAVE")
	}
}

// keepBusy runs an endless script. Its connection waits until the script is killed.
func keepBusy(s *kvtest.Server) {
	s.Do("CONFIG", "SET", "busy-reply-threshold", "1")
	go func() { _, _ = kvtest.Do(s.Addr, "EVAL", "while true do end", "0") }()
}

func counted(t *testing.T, r *prometheus.Registry, class string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "sipward_store_errors_total" && m.GetLabel()[0].GetValue() == class {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// TestBlackHole: a server that takes connections and is silent (F2). Every call ends in time, the breaker opens within a
// second, and closes again.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	server := kvtest.Redis(t)
	proxy := kvtest.NewProxy(t, server.Addr)
	s := open(t, redis.Config{URL: "redis://" + proxy.Addr})
	if err := write(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	proxy.Swallow(true)
	begin := time.Now()
	var slowest time.Duration
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			begin, call := time.Now(), write
			if i%2 == 0 {
				call = read
			}
			err := call(t.Context(), s)
			if !errors.Is(err, kv.ErrUnavailable) {
				t.Errorf("%v, want ErrUnavailable", err)
			}
			mu.Lock()
			defer mu.Unlock()
			slowest = max(slowest, time.Since(begin))
		})
	}
	all.Wait()
	t.Logf("slowest call %v / 500ms", slowest)
	if slowest > 500*time.Millisecond {
		t.Errorf("a call took %v", slowest)
	}
	if !kvtest.Until(time.Second, func() bool {
		begin := time.Now()
		return errors.Is(write(t.Context(), s), kv.ErrUnavailable) && time.Since(begin) < 20*time.Millisecond
	}) {
		t.Errorf("the breaker is not open %v after the beginning", time.Since(begin))
	}
	proxy.Swallow(false)
	err := errNothing
	if !kvtest.Until(5*time.Second, func() bool { err = write(t.Context(), s); return err == nil }) {
		t.Fatalf("no recovery: %v", err)
	}
}

func TestOpenIntoABlackHole(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	s, err := redis.Open(t.Context(), redis.Config{URL: "redis://" + kvtest.Blackhole(t)})
	if err == nil {
		s.Close()
		t.Fatal("it opened")
	}
	if took := time.Since(begin); took > 3*time.Second || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("%v after %v", err, took)
	}
}

// TestRestart kills the server and starts it again, empty: what it knew, scripts too, is gone (F1, F6).
func TestRestart(t *testing.T) {
	t.Parallel()
	server := kvtest.Redis(t)
	s := open(t, redis.Config{URL: server.URL()})
	if err := write(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	for range 30 {
		if err := write(t.Context(), s); !errors.Is(err, kv.ErrUnavailable) {
			t.Fatalf("%v, want ErrUnavailable", err)
		}
	}
	server.Start()
	begin := time.Now()
	err := errNothing
	if !kvtest.Until(5*time.Second, func() bool { err = write(t.Context(), s); return err == nil }) {
		t.Fatalf("no recovery: %v", err)
	}
	t.Logf("writes again after %v / 5s", time.Since(begin))
}

// TestFlushAll: a follower is told, and records are absent (F6).
func TestFlushAll(t *testing.T) {
	t.Parallel()
	server := kvtest.Redis(t)
	s := open(t, redis.Config{URL: server.URL()})
	r, err := s.Commit(t.Context(), kv.Txn{
		Tag: "f", Puts: []kv.Put{{Key: key("r"), Value: []byte("x")}}, Appends: []kv.Append{{Stream: key("s"), Value: []byte("e")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tail := kv.Tail{Stream: key("s"), After: r.Entries[0]}
	if _, err := s.Tails(t.Context(), 0, 10, tail); err != nil {
		t.Fatal(err)
	}
	server.Do("FLUSHALL")
	begin := time.Now()
	if _, err := s.Tails(t.Context(), 10*time.Second, 10, tail); !errors.Is(err, kv.ErrGap) {
		t.Errorf("Tails: %v, want ErrGap", err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %v to see the flush", took)
	}
	records, err := s.Read(t.Context(), key("r"))
	if err != nil || records[0].Version != 0 {
		t.Errorf("%+v, %v, want an absent record", records, err)
	}
}

// TestFailover kills the primary behind Sentinel: writes work again on the replica, and what was durable is there (F4).
func TestFailover(t *testing.T) {
	t.Parallel()
	group := kvtest.Sentinel(t)
	s := open(t, redis.Config{URL: group.URL(), Replicas: 1})
	if err := write(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := s.Durable(t.Context()); err != nil {
		t.Fatalf("Durable with a replica: %v", err)
	}
	group.Primary.Kill()
	begin := time.Now()
	err := errNothing
	if !kvtest.Until(30*time.Second, func() bool { err = write(t.Context(), s); return err == nil }) {
		t.Fatalf("no recovery: %v", err)
	}
	t.Logf("writes again after %v", time.Since(begin).Round(10*time.Millisecond))
	records, err := s.Read(t.Context(), key("r"))
	if err != nil || records[0].Version < 2 {
		t.Errorf("%+v, %v: the durable write is lost", records, err)
	}
	if err := s.Durable(t.Context()); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Durable without a replica: %v, want ErrUnavailable", err)
	}
}

func TestDurableOnAClusterWithoutReplicas(t *testing.T) {
	t.Parallel()
	s := open(t, redis.Config{URL: kvtest.Cluster(t).URL() + "?replicas=1"})
	if err := s.Durable(t.Context()); !errors.Is(err, kv.ErrUnavailable) || !strings.Contains(err.Error(), "0 of 1 replicas") {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}

// TestForeignRecord: what somebody else wrote is refused, not served (K1).
func TestForeignRecord(t *testing.T) {
	t.Parallel()
	server := kvtest.Redis(t)
	s := open(t, redis.Config{URL: server.URL(), Prefix: "p:"})
	server.Do("SET", "p:{f}r", "short")
	if err := read(t.Context(), s); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Read: %v", err)
	}
	if err := write(t.Context(), s); err == nil {
		t.Error("it was written over")
	}
	server.Do("DEL", "p:{f}r")
	server.Do("SET", "p:{f}i", "no index")
	_, err := s.Commit(t.Context(), kv.Txn{
		Tag: "f", Puts: []kv.Put{{Key: key("r")}}, Adds: []kv.IndexAdd{{Index: key("i"), Member: "m"}},
	})
	if err == nil {
		t.Error("an index was put into a string")
	}
	if got := server.Do("EXISTS", "p:{f}r"); got != "0" {
		t.Error("half of a transaction was written")
	}
}

func TestPrefixesAreApart(t *testing.T) {
	t.Parallel()
	server := kvtest.Redis(t)
	a, b := open(t, redis.Config{URL: server.URL(), Prefix: "a:"}), open(t, redis.Config{URL: server.URL(), Prefix: "b:"})
	if err := write(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	records, err := b.Read(t.Context(), key("r"))
	if err != nil || records[0].Version != 0 {
		t.Errorf("%+v, %v", records, err)
	}
	if _, err := redis.Open(t.Context(), redis.Config{URL: server.URL(), Prefix: "{x}"}); err == nil {
		t.Error("a prefix with a brace was taken")
	}
}
