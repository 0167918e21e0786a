package messaging

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sipward/internal/account"
	"sipward/internal/parcel"
)

const (
	// renewEvery is how often it is read anew for whom something waits.
	renewEvery = 30 * time.Second
	// settleAge leaves news alone that whoever made it is about to settle.
	settleAge = 5 * time.Second
	storeTime = 2 * time.Second
)

// Run delivers until ctx ends, and returns when its goroutines have.
func (c *Courier) Run(ctx context.Context) error {
	c.mu.Lock()
	c.ctx = ctx
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.ctx = nil
		c.mu.Unlock()
		c.wg.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.pending = nil
		clear(c.rounds)
	}()
	tick := time.NewTicker(c.config.Look)
	defer tick.Stop()
	var renewed time.Time
	for {
		if time.Since(renewed) >= renewEvery && c.try(ctx, "renew", c.renew) {
			renewed = time.Now()
		}
		c.retryHeld()
		c.try(ctx, "due", c.lookForDue)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *Courier) try(ctx context.Context, what string, f func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	err := f(ctx)
	if err != nil && ctx.Err() == nil {
		c.lines.Log(ctx, c.deps.Log, slog.LevelWarn, what, "messages wait: the store does not answer", slog.Any("err", err))
	}
	return err == nil
}

func (c *Courier) lookForDue(ctx context.Context) error {
	due, err := c.deps.Store.Due(ctx, c.deps.Now())
	for _, id := range due {
		c.expect(id)
		c.begin(id)
	}
	return err
}

// renew reads for whom something waits, and settles what a crash has left.
func (c *Courier) renew(ctx context.Context) error {
	before := c.known()
	all, err := c.deps.Store.Recipients(ctx)
	if err != nil {
		return err
	}
	now := make(map[account.ID]bool, len(all))
	for _, id := range all {
		now[id] = true
	}
	c.mu.Lock()
	for id := range c.waiting {
		if !before[id] { // it came while the store was asked
			now[id] = true
		}
	}
	c.waiting = now
	c.mu.Unlock()
	return c.settleOld(ctx)
}

func (c *Courier) known() map[account.ID]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := make(map[account.ID]bool, len(c.waiting))
	for id := range c.waiting {
		known[id] = true
	}
	return known
}

func (c *Courier) settleOld(ctx context.Context) error {
	ids, err := c.deps.Store.News(ctx, c.deps.Now().Add(-settleAge))
	for _, id := range ids {
		p, failed := c.deps.Store.ByID(ctx, id)
		switch {
		case errors.Is(failed, parcel.ErrNotFound):
			failed = c.deps.Store.Drop(ctx, id)
		case failed == nil:
			failed = c.settle(ctx, p)
		}
		err = errors.Join(err, failed)
	}
	return err
}

// settle reports a parcel's status to its sender and writes it to the log. It may run more than once, on several nodes.
// Reports themselves are not settled.
func (c *Courier) settle(ctx context.Context, p parcel.Parcel) error {
	if p.About != "" {
		return nil
	}
	if err := c.deps.Post.Report(ctx, p); err != nil {
		return err
	}
	if p.Final() && p.Report && p.From != "" {
		c.Accepted(p.From)
	}
	return c.deps.Store.Settle(ctx, p)
}

// retryHeld begins the rounds that found another node at work.
func (c *Courier) retryHeld() {
	c.mu.Lock()
	later := c.later
	c.later = map[account.ID]bool{}
	c.mu.Unlock()
	for id := range later {
		c.begin(id)
	}
}

// postpone has a round begin at the next look.
func (c *Courier) postpone(id account.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.later[id] = true
}
