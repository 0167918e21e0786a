package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

const (
	// claimTime is how long an operation may hold what it claimed before the account is written.
	claimTime = 2 * time.Minute
	// operationTime bounds an operation that claims, well below claimTime.
	operationTime = 20 * time.Second
	// holdTime is how long the user name of a deleted account stays taken.
	holdTime = 30 * 24 * time.Hour
	// freedTime keeps a freed claim's record, so that its version rises on and nobody mistakes the next owner's claim for
	// the one he read.
	freedTime = 10 * time.Minute
)

// claim says who owns a user name or a number. It lives under its own tag, so it cannot be written together with the
// account; it passes through these forms:
//
//	tentative  Expires and Busy set: an operation is about to write the account
//	confirmed  neither set: the account has the name
//	busy       Busy set: the owner is just claiming it once more; nobody frees it before
//	held       Held and Expires set: the account was deleted, the user name stays taken
//	free       no Owner
type claim struct {
	Schema  int        `json:"schema"`
	Name    string     `json:"name"`
	Owner   account.ID `json:"owner,omitempty"`
	Held    bool       `json:"held,omitempty"`
	Expires time.Time  `json:"expires,omitzero"`
	Busy    time.Time  `json:"busy,omitzero"`
}

// takenAt reports whether somebody owns the claim at now.
func (c claim) takenAt(now time.Time) bool {
	return c.Owner != "" && (c.Expires.IsZero() || c.Expires.After(now))
}

// grip is a claim this operation wrote, at the version it wrote.
type grip struct {
	name    string
	version uint64
	fresh   bool // nobody had it before
}

// claimNames are the names an account owns, its user first.
func claimNames(a *account.Account) []string {
	names := []string{userClaim(a.User)}
	for _, n := range a.Numbers() {
		names = append(names, numberClaim(n))
	}
	return names
}

// taken is the error for a claim that another account has.
func taken(a *account.Account, name string) error {
	kind, value, _ := strings.Cut(name, ":")
	field := "user"
	if kind == "n" {
		field = "number"
		if account.Number(value) == a.Secondary {
			field = "secondary_number"
		}
	}
	return &account.TakenError{Field: field, Value: value}
}

func (c *core) claim(ctx context.Context, name string, r kv.Record) (cl claim, err error) {
	if r.Version == 0 {
		return claim{}, nil
	}
	err = json.Unmarshal(r.Value, &cl)
	if err == nil && (cl.Name != name || cl.Schema < 1) {
		err = fmt.Errorf("it names %q, schema %d", cl.Name, cl.Schema)
	}
	if err != nil {
		err = fmt.Errorf("%w (%v)", ErrMisfit, err)
		c.alarm(ctx, "misfit", c.keys.claim(name), err)
		return claim{}, err
	}
	return cl, nil
}

func (c *core) claims(ctx context.Context, names []string, recs []kv.Record) ([]claim, error) {
	all := make([]claim, len(names))
	for i, name := range names {
		cl, err := c.claim(ctx, name, recs[i])
		if err != nil {
			return nil, err
		}
		all[i] = cl
	}
	return all, nil
}

func (c *core) claimKeys(names []string) []kv.Key {
	keys := make([]kv.Key, len(names))
	for i, name := range names {
		keys[i] = c.keys.claim(name)
	}
	return keys
}

// putClaim writes a claim over version; the record lives a little longer than the claim.
func (c *core) putClaim(ctx context.Context, cl claim, version uint64) error {
	cl.Schema = schema
	value, err := json.Marshal(cl)
	if err != nil {
		return fmt.Errorf("encode claim: %w", err)
	}
	key := c.keys.claim(cl.Name)
	put := kv.Put{Key: key, Value: value}
	switch {
	case cl.Owner == "":
		put.Expires = c.now().Add(freedTime)
	case !cl.Expires.IsZero():
		put.Expires = cl.Expires.Add(freedTime)
	}
	_, err = c.kv.Commit(ctx, kv.Txn{Tag: key.Tag, Checks: []kv.Check{{Key: key, Version: version}}, Puts: []kv.Put{put}})
	return err
}

// take claims names for a, all or none; recs are their records as just read. A name that another account has is a
// TakenError. What was taken lapses by itself after claimTime unless it is settled.
func (c *core) take(ctx context.Context, a *account.Account, names []string, recs []kv.Record) ([]grip, error) {
	held, err := c.claims(ctx, names, recs)
	if err != nil {
		return nil, err
	}
	for i, cl := range held {
		if cl.takenAt(c.now()) && cl.Owner != a.ID {
			return nil, taken(a, names[i])
		}
	}
	grips := make([]grip, len(names))
	var g errgroup.Group
	for i := range names {
		g.Go(func() (err error) {
			grips[i], err = c.takeOne(ctx, a, names[i], held[i], recs[i].Version)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		c.letGo(ctx, grips)
		return nil, err
	}
	return grips, nil
}

// takeOne claims one name over the version read; when somebody came in between it looks once more, and then it is theirs.
func (c *core) takeOne(ctx context.Context, a *account.Account, name string, cur claim, version uint64) (grip, error) {
	for range attempts {
		if cur.takenAt(c.now()) && cur.Owner != a.ID {
			return grip{}, taken(a, name)
		}
		mine := cur.takenAt(c.now()) // and not held: an id is never used again
		next := claim{Name: name, Owner: a.ID, Busy: c.now().Add(claimTime)}
		if !mine || !cur.Expires.IsZero() {
			next.Expires = next.Busy
		}
		err := c.putClaim(ctx, next, version)
		if err == nil {
			return grip{name: name, version: version + 1, fresh: !mine}, nil
		}
		if !errors.Is(err, kv.ErrConflict) { // it may have been written all the same: then it is ours to let go
			return grip{name: name, version: version + 1, fresh: !mine}, err
		}
		rec, err := c.read(ctx, c.keys.claim(name))
		if err != nil {
			return grip{}, err
		}
		if cur, err = c.claim(ctx, name, rec); err != nil {
			return grip{}, err
		}
		version = rec.Version
	}
	return grip{}, fmt.Errorf("%s changes hands too fast, try again later: %w", name, kv.ErrConflict)
}

// letGo frees what an operation claimed and did not use. Its failure is no harm: the claim lapses.
func (c *core) letGo(ctx context.Context, grips []grip) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loose)
	defer cancel()
	var g errgroup.Group
	for _, gr := range grips {
		if !gr.fresh {
			continue // empty, or the account had it before and may have it still
		}
		g.Go(func() error { return c.putClaim(ctx, claim{Name: gr.name}, gr.version) })
	}
	if err := g.Wait(); err != nil {
		c.log.DebugContext(ctx, "store: a claim is left to lapse", "err", err)
	}
}
