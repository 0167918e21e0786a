package redis

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sipward/internal/store/kv"
)

// Durable writes a mark to each shard and waits (WAIT) until as many replicas as configured have it. A shard's writes
// reach its replicas in order, so what this process wrote before has arrived with the mark.
func (s *Store) Durable(ctx context.Context) error {
	if s.replicas == 0 {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, 2*s.calls.timeout)
	defer cancel()
	marks, err := s.marks(ctx)
	if err != nil {
		return s.alarms.wrap(err)
	}
	errs := make(chan error, len(marks))
	var all sync.WaitGroup
	for client, key := range marks {
		all.Go(func() { errs <- s.awaitReplicas(ctx, client, key) })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return s.alarms.wrap(err)
		}
	}
	return nil
}

// markTries bounds the search for a key on each master: with one of n masters' share of the slots the chance to miss it
// is (1-1/n)^4096.
const markTries = 4096

// marks finds for each master a key that it keeps.
func (s *Store) marks(ctx context.Context) (map[*redis.Client]string, error) {
	name := func(i int) string { return s.physical(kv.Key{Tag: "d" + strconv.Itoa(i), Name: "durable"}) }
	c, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return map[*redis.Client]string{s.client.(*redis.Client): name(0)}, nil
	}
	masters := 0
	var mu sync.Mutex
	if err := c.ForEachMaster(ctx, func(context.Context, *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters++
		return nil
	}); err != nil {
		return nil, err
	}
	found := make(map[*redis.Client]string, masters)
	for i := 0; i < markTries && len(found) < masters; i++ {
		m, err := c.MasterForKey(ctx, name(i))
		if err != nil {
			return nil, err
		}
		if _, known := found[m]; !known {
			found[m] = name(i)
		}
	}
	return found, nil
}

// markLife is how long a mark stays; nobody reads it.
const markLife = time.Minute

// awaitReplicas sends the mark and WAIT on one connection: WAIT counts from that connection's last write.
func (s *Store) awaitReplicas(ctx context.Context, client *redis.Client, key string) error {
	conn := client.Conn()
	defer conn.Close()
	pipe := conn.Pipeline()
	pipe.Set(ctx, key, 1, markLife)
	have := pipe.Do(ctx, "wait", s.replicas, (s.calls.timeout * 3 / 4).Milliseconds()) // less than the read timeout
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	if n, err := have.Int(); err != nil || n < s.replicas {
		return fmt.Errorf("%w: %d of %d replicas have the write: look at the replication of %s", kv.ErrUnavailable, n, s.replicas, client.Options().Addr)
	}
	return nil
}
