package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// operation is what an index of unsettled operations remembers of one, as its member: which claims must be made to fit
// the account. It is written in the transaction that writes the account, and taken away when they fit; so a crash in
// between leaves all that the sweep needs.
type operation struct {
	id      account.ID
	nonce   string
	has     []string // claims of the account as it was written; held back when it is deleted
	dropped []string // claims it had before
}

func (o operation) member() string {
	parts := []string{string(o.id), o.nonce}
	for _, n := range o.has {
		parts = append(parts, "+"+n)
	}
	for _, n := range o.dropped {
		parts = append(parts, "-"+n)
	}
	return strings.Join(parts, " ")
}

func parseOperation(member string) (operation, error) {
	parts := strings.Split(member, " ")
	if len(parts) < 3 || !plain(parts[0]) {
		return operation{}, fmt.Errorf("%w (unsettled operation %q)", ErrMisfit, member)
	}
	o := operation{id: account.ID(parts[0]), nonce: parts[1]}
	for _, p := range parts[2:] {
		switch {
		case strings.HasPrefix(p, "+"):
			o.has = append(o.has, p[1:])
		case strings.HasPrefix(p, "-"):
			o.dropped = append(o.dropped, p[1:])
		default:
			return operation{}, fmt.Errorf("%w (unsettled operation %q)", ErrMisfit, member)
		}
	}
	return o, nil
}

// begin is the index entry of an operation, for the transaction that writes the account.
func (c *core) begin(o operation) kv.IndexAdd {
	return kv.IndexAdd{Index: c.keys.unsettled(bucketOf(o.id)), Member: o.member(), Score: float64(c.now().UnixMilli())}
}

// settle makes the claims of an operation fit the account as it is now, then forgets the operation. It may run any
// number of times, here and on other nodes at once. It returns the names that turned out to be another account's, and
// leaves the operation to the sweep when a claim is just being taken once more.
func (c *core) settle(ctx context.Context, o operation) (lost []string, err error) {
	for range attempts {
		var busy bool
		lost, busy, err = c.settleOnce(ctx, o)
		if err == nil && !busy {
			return lost, c.forget(ctx, o)
		}
		if !errors.Is(err, kv.ErrConflict) {
			return lost, err
		}
	}
	return lost, err
}

func (c *core) forget(ctx context.Context, o operation) error {
	index := c.keys.unsettled(bucketOf(o.id))
	_, err := c.kv.Commit(ctx, kv.Txn{Tag: index.Tag, Removes: []kv.IndexRemove{{Index: index, Member: o.member()}}})
	return err
}

func (c *core) settleOnce(ctx context.Context, o operation) (lost []string, busy bool, err error) {
	names := slices.Concat(o.has, o.dropped)
	recs, err := c.kv.Read(ctx, append(c.claimKeys(names), c.keys.account(o.id))...)
	if err != nil {
		return nil, false, err
	}
	claims, err := c.claims(ctx, names, recs)
	if err != nil {
		return nil, false, err
	}
	a, err := c.account(ctx, o.id, recs[len(names)])
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return nil, false, err
	}
	var g errgroup.Group
	for i, name := range names {
		next, what := c.fit(o.id, a, name, claims[i], i < len(o.has))
		switch what {
		case claimLost:
			lost = append(lost, name)
		case claimBusy:
			busy = true
		case claimWrite:
			g.Go(func() error { return c.putClaim(ctx, next, recs[i].Version) })
		}
	}
	return lost, busy, g.Wait()
}

type verdict int

const (
	claimFits verdict = iota
	claimWrite
	claimBusy
	claimLost
)

// fit says what a claim must become, given the account as it is (nil: deleted).
func (c *core) fit(id account.ID, a *account.Account, name string, cl claim, has bool) (claim, verdict) {
	now := c.now()
	mine := cl.Owner == id
	if a != nil && slices.Contains(claimNames(a), name) {
		switch {
		case mine && cl.Expires.IsZero() && cl.Busy.IsZero():
			return cl, claimFits
		case !mine && cl.takenAt(now):
			return cl, claimLost
		}
		return claim{Name: name, Owner: id}, claimWrite
	}
	if !mine || cl.Held {
		return cl, claimFits
	}
	if a == nil && has && strings.HasPrefix(name, userClaim("")) {
		return claim{Name: name, Owner: id, Held: true, Expires: now.Add(holdTime)}, claimWrite
	}
	if a != nil && cl.Busy.After(now) {
		return cl, claimBusy
	}
	return claim{Name: name}, claimWrite
}
