// Command growth measures what a REGISTER and a look-up cost the store as accounts and nodes grow: CPU of this process, all
// nodes in it, and of Redis for each operation, over random accounts. It fills the Redis it is given and is not for one that
// holds anything.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/store"
)

func main() {
	url := flag.String("redis", "redis://127.0.0.1:6379", "an empty Redis")
	most := flag.Int("most", 100_000, "accounts at the end; the steps are powers of ten from 1000")
	ops := flag.Int("ops", 50_000, "operations measured at each step, three times")
	cache := flag.Int("cache", 1<<20, "accounts the node remembers")
	flag.Parse()
	if err := run(context.Background(), *url, *most, *ops, *cache); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

// rig is the nodes' stores and the means to measure them.
type rig struct {
	config store.Config
	nodes  []*store.Store
	redis  *redis.Client
	ids    []account.ID
}

func run(ctx context.Context, url string, most, ops, cache int) error {
	o, err := redis.ParseURL(url)
	if err != nil {
		return err
	}
	r := &rig{redis: redis.NewClient(o), config: store.Config{URL: url, Cache: cache}}
	defer r.redis.Close()
	n, err := r.redis.DBSize(ctx).Result()
	if err != nil {
		return fmt.Errorf("redis does not tell how many keys it holds: %w", err)
	}
	if n > 0 {
		return fmt.Errorf("redis holds %d keys: give an empty one", n)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running errgroup.Group
	defer func() {
		for _, n := range r.nodes {
			n.Close()
		}
	}()
	table := newTable("accounts")
	for n := 1000; n <= most; n *= 10 {
		if err := r.open(ctx, &running, 1); err != nil {
			return err
		}
		if err := r.grow(ctx, n); err != nil {
			return err
		}
		if err := r.line(ctx, table, n, ops); err != nil {
			return err
		}
	}
	table = newTable("nodes")
	for _, n := range []int{1, 2, 3, 5} {
		if err := r.open(ctx, &running, n); err != nil {
			return err
		}
		if err := r.line(ctx, table, n, ops); err != nil {
			return err
		}
	}
	stop()
	return running.Wait()
}

// open adds nodes until there are n.
func (r *rig) open(ctx context.Context, running *errgroup.Group, n int) error {
	for len(r.nodes) < n {
		s, err := store.Open(ctx, r.config, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			return err
		}
		r.nodes = append(r.nodes, s)
		running.Go(func() error { return s.Run(ctx) })
	}
	return nil
}

// table is printed line by line; what costs are compared with is its first.
type table struct{ first *[2]float64 }

func newTable(of string) *table {
	fmt.Printf("%10s %14s %14s %9s %9s\n", of, "register us", "look-up us", "ratio", "ratio")
	return &table{}
}

func (r *rig) line(ctx context.Context, t *table, n, ops int) error {
	register, err := r.best(ctx, ops, r.register)
	if err != nil {
		return err
	}
	lookup, err := r.best(ctx, ops, r.lookup)
	if err != nil {
		return err
	}
	if t.first == nil {
		t.first = &[2]float64{register, lookup}
	}
	fmt.Printf("%10d %14.1f %14.1f %9.2f %9.2f\n", n, register, lookup, register/t.first[0], lookup/t.first[1])
	return nil
}
