package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sipward/internal/account"
	"sipward/internal/failpoint"
	"sipward/internal/store/kv"
)

// followRetry is how long the follower waits after the store failed; the breaker below answers at once meanwhile.
const followRetry = 200 * time.Millisecond

// follow keeps the cache true: it starts at the head of the change stream with an empty cache, applies what comes, and
// notes up to when it has followed. It returns when ctx ends.
func (c *core) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		v, err := c.heads(ctx)
		if err == nil {
			c.dir.lost()    // likewise
			c.cache.flush() // after the head was read: what is remembered from here on is at least that new
			err = c.followFrom(ctx, v)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, kv.ErrGap):
			c.log.WarnContext(ctx, "store: fell behind the change stream, the cache starts anew", "err", err)
		default:
			_ = kv.Pause(ctx, followRetry) // ends early only with ctx, which the loop asks
		}
	}
	return nil
}

// followFrom applies the changes behind v until it loses the stream or ctx ends; it waits out a store that is away.
func (c *core) followFrom(ctx context.Context, v vector) error {
	keys, wait := c.keys.streams(), min(changesWait, c.stale/4)
	for {
		asked := c.now()
		batch, err := c.tails(ctx, wait, v, keys)
		switch {
		case err == nil:
		case ctx.Err() != nil || errors.Is(err, kv.ErrGap):
			return err
		default:
			if kv.Pause(ctx, followRetry) != nil {
				return err
			}
			continue
		}
		more := false
		for i, entries := range batch {
			for _, e := range entries {
				v[i] = e.ID
				c.apply(ctx, keys[i], e)
			}
			more = more || len(entries) == changesBatch
		}
		if !more {
			c.cache.followed.Store(asked.UnixNano())
		}
	}
}

// apply drops from the cache what a change made old. A change nobody can read drops everything: it may be about anyone.
func (c *core) apply(ctx context.Context, stream kv.Key, e kv.Entry) {
	failpoint.Here(failpoint.BeforeChange)
	var ch account.Change
	if err := json.Unmarshal(e.Value, &ch); err != nil {
		c.alarm(ctx, "misfit", stream, fmt.Errorf("change %s: %w", e.ID, err))
		c.cache.flush()
		c.dir.lost()
		return
	}
	switch ch.Topic {
	case account.TopicAccount:
		c.cache.changed(account.ID(ch.ID), ch.Version, ch.Deleted)
		c.dir.changed(account.ID(ch.ID))
	case topicMoved:
		c.cache.moved(account.ID(ch.ID), ch.Version)
	}
}
