package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// doubt is an operation whose write of the account got no answer: the account may be written, or may be yet, by a message
// that is under way. Its claims are neither confirmed nor free until that is known.
type doubt struct {
	op    operation
	grips []grip
	until time.Time // then its claims have lapsed anyway
}

// doubts are what the store could not be asked about, because it is away. They are few: each took a claim.
type doubts struct {
	mu   sync.Mutex // guards list
	list []doubt
}

func (d *doubts) add(one doubt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, one)
}

func (d *doubts) take() []doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.list
	d.list = nil
	return list
}

// doubted finds out at once, or as soon as the store is back, what became of an operation.
func (c *core) doubted(ctx context.Context, o operation, grips []grip) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loose)
	defer cancel()
	d := doubt{op: o, grips: grips, until: c.now().Add(claimTime)}
	if err := c.resolve(ctx, d); errors.Is(err, kv.ErrUnavailable) {
		c.doubts.add(d)
	}
}

// resolveAll asks about what is still in doubt.
func (c *core) resolveAll(ctx context.Context) error {
	var errs []error
	for _, d := range c.doubts.take() {
		err := c.resolve(ctx, d)
		if errors.Is(err, kv.ErrUnavailable) && c.now().Before(d.until) {
			c.doubts.add(d)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// resolve shuts the operation's gate: whatever of it is still under way is refused from now on, so what the account says
// then is the truth. Claims that it has are confirmed, the others are free.
func (c *core) resolve(ctx context.Context, d doubt) error {
	gate := c.keys.gate(d.op)
	shut := kv.Put{Key: gate, Value: []byte("{}"), Expires: c.now().Add(claimTime)}
	if _, err := c.kv.Commit(ctx, kv.Txn{Tag: gate.Tag, Puts: []kv.Put{shut}}); err != nil {
		return err
	}
	rec, err := c.read(ctx, c.keys.account(d.op.id))
	if err != nil {
		return err
	}
	a, err := c.account(ctx, d.op.id, rec)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return err
	}
	idle := slices.DeleteFunc(slices.Clone(d.grips), func(g grip) bool { return a != nil && slices.Contains(claimNames(a), g.name) })
	c.letGo(ctx, idle)
	if len(idle) == len(d.grips) {
		return nil
	}
	_, err = c.settle(ctx, d.op) // a name that is lost is told of by the sweep
	return err
}

// open is the check that an operation's gate was not shut, for the transaction that writes the account.
func (c *core) open(o operation) kv.Check { return kv.Check{Key: c.keys.gate(o)} }
