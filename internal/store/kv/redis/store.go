package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sipward/internal/store/kv"
)

// Store is the state in Redis.
type Store struct {
	// static after Open
	target   target
	prefix   string
	replicas int
	client   redis.UniversalClient
	blocking redis.UniversalClient // for XREAD; nil on a cluster
	calls    *collector
	alarms   *alarms
	breaker  *breaker
	txn      script
	after    script
	end      context.CancelFunc

	known positions
}

var _ kv.Store = (*Store)(nil)

// Open connects and fails with one line that names the mend when Redis does not answer. The store lives until Close,
// whatever becomes of ctx.
func Open(ctx context.Context, c Config) (*Store, error) {
	t, err := parse(c.URL)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(c.Prefix, "{}") {
		return nil, fmt.Errorf("store: the prefix %q has a brace, which would change the hash tag", c.Prefix)
	}
	if c.Timeout == 0 {
		c.Timeout = 200 * time.Millisecond
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := newStore(ctx, c, t)
	if err := s.await(ctx, c); err != nil {
		_ = s.Close() // the first error says it
		return nil, unreachable(t, err)
	}
	return s, nil
}

// unreachable is one line, though Sentinel gives one for each host.
func unreachable(t target, err error) error {
	return fmt.Errorf("redis at %s does not answer (%s): start it or correct redis.url", t, strings.ReplaceAll(err.Error(), "\n", "; "))
}

func newStore(ctx context.Context, c Config, t target) *Store {
	redis.SetLogger(&quiet{log: c.Log}) // go-redis has one logger for the process: the last store's
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	a := newAlarms(c.Log, t.String(), c.Metrics)
	s := &Store{
		target: t, prefix: c.Prefix, replicas: max(c.Replicas, t.replicas),
		client: redis.NewUniversalClient(t.options(c.Timeout, 2*pipelineWorkers)),
		alarms: a, breaker: newBreaker(a, c.Metrics), end: end,
		txn: newScript(txnSource), after: newScript(rangeSource),
		known: positions{byStream: map[kv.Key]position{}},
	}
	if t.mode != cluster {
		s.blocking = redis.NewUniversalClient(t.options(c.Timeout, maxFollowers))
	}
	s.calls = &collector{
		client: s.client, life: life, timeout: c.Timeout, breaker: s.breaker, alarms: a,
		puts: newScript(putsSource), slots: t.mode == cluster,
		queue: make(chan *call, maxQueued), work: make(chan []*call), finished: make(chan struct{}, 1),
	}
	s.calls.start()
	return s
}

// await reaches Redis, trying again for Config.Patience: services start in any order. What Redis refuses is not tried
// again: a wrong password stays wrong.
func (s *Store) await(ctx context.Context, c Config) error {
	told := false
	return kv.Patiently(ctx, c.Patience, func(err error) bool {
		if refusal(err) {
			return false
		}
		if !told {
			c.Log.Warn("redis does not answer yet, trying again", "redis", s.target.String(), "for", c.Patience, "err", err)
			told = true
		}
		return true
	}, s.reach)
}

// refusal reports an error reply that waiting does not mend.
func refusal(err error) bool {
	for _, c := range classes() {
		if c.refused && strings.HasPrefix(err.Error(), c.name) {
			return true
		}
	}
	return false
}

// reach asks every shard once. The first connections are slower than later calls: they get five times as long.
func (s *Store) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*s.calls.timeout)
	defer cancel()
	return s.pingAll(ctx)
}

func (s *Store) pingAll(ctx context.Context) error {
	if c, ok := s.client.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, func(ctx context.Context, m *redis.Client) error { return m.Ping(ctx).Err() })
	}
	return s.client.Ping(ctx).Err()
}

// Ping asks every shard; while the breaker is open the answer is that Redis is away.
func (s *Store) Ping(ctx context.Context) error {
	report, err := s.breaker.allow()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.calls.timeout)
	defer cancel()
	err = s.alarms.wrap(s.pingAll(ctx))
	report(err)
	return err
}

// Close ends the goroutines and closes the connections; calls on their way end with kv.ErrUnavailable.
func (s *Store) Close() error {
	s.end()
	s.calls.lapses.close()
	s.calls.running.Wait()
	err := s.client.Close()
	if s.blocking != nil {
		err = errors.Join(err, s.blocking.Close())
	}
	return err
}

// physical is the key in Redis.
func (s *Store) physical(k kv.Key) string {
	b := make([]byte, 0, len(s.prefix)+len(k.Tag)+len(k.Name)+2)
	b = append(append(append(append(b, s.prefix...), '{'), k.Tag...), '}')
	return string(append(b, k.Name...))
}
