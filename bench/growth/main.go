// Command growth measures what a REGISTER and a look-up cost the store as accounts grow: CPU of this process and of Redis
// for each operation, over random accounts. It fills the Redis it is given and is not for one that holds anything.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store"
	"sipward/internal/store/kv"
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

// rig is a store and the means to measure it.
type rig struct {
	store *store.Store
	redis *redis.Client
	ids   []account.ID
}

func run(ctx context.Context, url string, most, ops, cache int) error {
	o, err := redis.ParseURL(url)
	if err != nil {
		return err
	}
	r := &rig{redis: redis.NewClient(o)}
	defer r.redis.Close()
	if n, err := r.redis.DBSize(ctx).Result(); err != nil || n > 0 {
		return fmt.Errorf("redis holds %d keys (%w): give an empty one", n, err)
	}
	if r.store, err = store.Open(ctx, store.Config{URL: url, Cache: cache}, slog.New(slog.DiscardHandler), nil); err != nil {
		return err
	}
	defer r.store.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running errgroup.Group
	running.Go(func() error { return r.store.Run(ctx) })
	fmt.Printf("%10s %14s %14s %9s %9s\n", "accounts", "register us", "look-up us", "ratio", "ratio")
	var first [2]float64
	for n := 1000; n <= most; n *= 10 {
		if err := r.grow(ctx, n); err != nil {
			return err
		}
		register, err := r.best(ctx, ops, r.register)
		if err != nil {
			return err
		}
		lookup, err := r.best(ctx, ops, r.lookup)
		if err != nil {
			return err
		}
		if n == 1000 {
			first = [2]float64{register, lookup}
		}
		fmt.Printf("%10d %14.1f %14.1f %9.2f %9.2f\n", n, register, lookup, register/first[0], lookup/first[1])
	}
	stop()
	return running.Wait()
}

// grow makes accounts, each with one binding, until there are n.
func (r *rig) grow(ctx context.Context, n int) error {
	from := len(r.ids)
	r.ids = append(r.ids, make([]account.ID, n-from)...)
	return each(ctx, n-from, func(ctx context.Context, i int) error {
		now := time.Now()
		user := fmt.Sprintf("10%07d", from+i)
		a := account.Account{
			ID: account.NewID(), Way: account.Plain, Kind: account.PGSM, User: user, Number: account.Number("+39" + user), Owner: "Load " + user,
			Language: "en", Security: account.EndToSite, Activated: &account.Activation{At: now, Method: account.ByHand}, Created: now, Updated: now,
		}
		r.ids[from+i] = a.ID
		if _, err := r.store.Accounts.Create(ctx, a); err != nil && !errors.Is(err, account.ErrTaken) { // taken: by a try whose answer was lost
			return err
		}
		return r.register(ctx, a.ID)
	})
}

// register is what a refresh does to the store.
func (r *rig) register(ctx context.Context, id account.ID) error {
	_, err := r.store.Locations.Update(ctx, id, func(_ account.Account, s location.Set) (location.Set, error) {
		b := location.Binding{
			Contact: "<sip:10000000@192.0.2.1:5060>", URI: "sip:10000000@192.0.2.1:5060", CallID: "call", Q: 1, Network: "tls", Node: "n1", Flow: "flow",
			Agent: "load", Cipher: "TLS_AES_128_GCM_SHA256", Received: netip.MustParseAddrPort("192.0.2.1:5060"),
		}
		if len(s.Bindings) > 0 {
			b.CSeq = s.Bindings[0].CSeq + 1
		}
		b.Since, b.Expires = time.Now(), time.Now().Add(10*time.Minute)
		s.Bindings = []location.Binding{b}
		return s, nil
	})
	return err
}

// lookup is what a call does to find its callee.
func (r *rig) lookup(ctx context.Context, id account.ID) error {
	_, _, err := r.store.Locations.Lookup(ctx, id)
	return err
}

// best is the least CPU for one operation of three measurements, in microseconds: what other work adds is no cost of ours.
func (r *rig) best(ctx context.Context, ops int, op func(context.Context, account.ID) error) (float64, error) {
	best := 0.0
	for i := range 3 {
		before, err := r.cpu(ctx)
		if err != nil {
			return 0, err
		}
		if err := each(ctx, ops, func(ctx context.Context, _ int) error { return op(ctx, r.ids[rand.IntN(len(r.ids))]) }); err != nil {
			return 0, err
		}
		after, err := r.cpu(ctx)
		if err != nil {
			return 0, err
		}
		if us := float64((after - before).Microseconds()) / float64(ops); i == 0 || us < best {
			best = us
		}
	}
	return best, nil
}

// cpu is the time this process and Redis have used.
func (r *rig) cpu(ctx context.Context) (time.Duration, error) {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return 0, err
	}
	total := time.Duration(own.Utime.Nano() + own.Stime.Nano())
	info, err := r.redis.Info(ctx, "cpu").Result()
	for line := range strings.SplitSeq(info, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			var seconds float64
			if _, err := fmt.Sscan(value, &seconds); err != nil {
				return 0, err
			}
			total += time.Duration(seconds * float64(time.Second))
		}
	}
	return total, err
}

// patience is how often one operation is tried while the store does not answer: the machine may be busy.
const patience = 50

// each runs f for 0 to n-1, 32 at a time.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for w := range 32 {
		g.Go(func() error {
			for i := w; i < n; i += 32 {
				err := f(ctx, i)
				for try := 1; errors.Is(err, kv.ErrUnavailable) && try < patience; try++ {
					err = f(ctx, i)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
