// Command seed fills a store with the accounts of the load generator: active ones of user 10000000 and up, disabled ones
// of user 20000000 and up, passwords pw000000 and up; the number of each is its user name.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/seal"
	"sipward/internal/store"
)

func main() {
	url := flag.String("redis", "", "redis URL; empty: the embedded store in -dir")
	dir := flag.String("dir", "data", "data_dir of the server, for its store and its root key")
	domain := flag.String("domain", "bench.local", "SIP domain")
	active := flag.Int("active", 20000, "active accounts")
	disabled := flag.Int("disabled", 2000, "disabled accounts")
	clip := flag.String("clip", "", "WAV file that disabled accounts hear; empty: the one in the binary")
	flag.Parse()
	if err := seed(context.Background(), *url, *dir, *domain, *clip, *active, *disabled); err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

func seed(ctx context.Context, url, dir, domain, clip string, active, disabled int) error {
	roots, err := seal.LoadOrCreate(filepath.Join(dir, "root.key"))
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{URL: url, Dir: filepath.Join(dir, "store"), Fsync: "interval"}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer s.Close()
	if clip != "" {
		if err := putClip(ctx, s, clip); err != nil {
			return err
		}
	}
	ring := seal.NewRing("ha1", roots...)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	for i := range active + disabled {
		user, password := fmt.Sprintf("10%06d", i), fmt.Sprintf("pw%06d", i)
		if i >= active {
			user, password = fmt.Sprintf("20%06d", i-active), fmt.Sprintf("pw%06d", i-active)
		}
		g.Go(func() error { return create(ctx, s, newAccount(ring, domain, user, password, i >= active)) })
	}
	return g.Wait()
}

// putClip makes a file what disabled accounts hear.
func putClip(ctx context.Context, s *store.Store, file string) error {
	wav, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, err = s.Clips.Put(ctx, store.ClipFile{Prompt: "account-disabled", Language: "en"}, wav)
	return err
}

// create makes an account, trying again while the store does not answer: on a machine at its limits that is no fault of
// anybody's. A try whose answer was lost may have made it already.
func create(ctx context.Context, s *store.Store, a account.Account) error {
	const tries = 20
	for i := 1; ; i++ {
		_, err := s.Accounts.Create(ctx, a)
		switch {
		case err == nil, i > 1 && errors.Is(err, account.ErrTaken):
			return nil
		case i == tries || errors.Is(err, account.ErrTaken):
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func newAccount(ring *seal.Ring, domain, user, password string, disabled bool) account.Account {
	now := time.Now()
	a := account.Account{
		ID: account.NewID(), Way: account.Plain, Kind: account.PGSM, User: user, Number: account.Number(user), Owner: "Load " + user,
		Language: "en", Security: account.EndToSite, Activated: &account.Activation{At: now, Method: account.ByHand}, Created: now, Updated: now,
	}
	if disabled {
		a.Suspend("seed", "bench", now)
	}
	a.SetPassword(ring, domain, account.Secret(password))
	return a
}
