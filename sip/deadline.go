package sip

import (
	"context"
	"sync"
	"time"
)

// deadlines hands out contexts that end storeTime later, or up to an eighth more: requests that come close together share
// one, because a context with a timer costs each of them as much as parsing a header.
type deadlines struct {
	mu    sync.Mutex // guards what follows
	ctx   context.Context
	fresh time.Time // until when ctx is handed out
}

const deadlineSlot = storeTime / 8

// next is a context for a request that begins now; it ends with parent, too.
func (d *deadlines) next(parent context.Context, now time.Time) context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil || !now.Before(d.fresh) {
		ctx, cancel := context.WithDeadline(parent, now.Add(storeTime+deadlineSlot))
		context.AfterFunc(ctx, cancel) // nobody else can: it is shared
		d.ctx, d.fresh = ctx, now.Add(deadlineSlot)
	}
	return d.ctx
}
