package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/failpoint"
	"sipward/internal/message"
)

const (
	// lookEvery is how often a channel is looked at; what this node queues wakes it at once.
	lookEvery = time.Second
	// sendTime bounds one attempt; it is well below lease, so that a lease never ends while its message is being sent.
	sendTime = time.Minute
	lease    = 3 * time.Minute
	// attempts is how often a message is tried that fails by itself.
	attempts = 8
	// The back-off of a message that failed, and of a channel whose gateway is away: doubled, with jitter, up to the cap.
	firstBackoff, lastBackoff = 5 * time.Second, 10 * time.Minute
	firstPause, lastPause     = time.Second, 20 * time.Second
	// trimEvery is how often old messages are forgotten.
	trimEvery = time.Hour
)

// Run sends what is due until ctx ends; messages on their way are finished first.
func (o *Outbox) Run(ctx context.Context) error {
	g := &errgroup.Group{}
	for channel := range o.Senders {
		g.Go(func() error { o.work(ctx, channel); return nil })
	}
	g.Go(func() error { o.trim(ctx); return nil })
	g.Go(func() error { o.watch(ctx); return nil })
	return g.Wait()
}

func (o *Outbox) trim(ctx context.Context) {
	for sleep(ctx, nil, trimEvery) {
		if err := o.Store.Trim(ctx); err != nil && ctx.Err() == nil {
			o.Log.WarnContext(ctx, "outbox: old messages are not forgotten yet", "err", err)
		}
	}
}

// work is the loop of one channel.
func (o *Outbox) work(ctx context.Context, channel message.Channel) {
	var failures int // of the gateway, in a row
	for ctx.Err() == nil {
		n, pause := o.round(ctx, channel, failures)
		switch {
		case pause > 0: // the gateway is away: nothing is claimed meanwhile
			failures++
			sleep(ctx, nil, pause)
		case n > 0:
			failures = 0
		default:
			sleep(ctx, o.wake[channel], lookEvery)
		}
	}
}

// sleep waits for d or a wake-up; false when ctx ended.
func sleep(ctx context.Context, wake <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return true
}

// round claims and sends one batch; a gateway that has failed gets one message to try. pause is how long it should be
// left alone.
func (o *Outbox) round(ctx context.Context, channel message.Channel, failures int) (n int, pause time.Duration) {
	limit := o.config.Workers
	if failures > 0 {
		limit = 1
	}
	claimed, err := o.Store.Claim(ctx, channel, o.Node, failpoint.Soon(lease), limit)
	if err != nil && ctx.Err() == nil {
		o.Log.WarnContext(ctx, "outbox: the store does not give messages out", "err", err)
	}
	pauses := make([]time.Duration, len(claimed))
	var g errgroup.Group
	for i, m := range claimed {
		g.Go(func() error { pauses[i] = o.send(ctx, m, failures); return nil })
	}
	_ = g.Wait() // the funcs return nil
	for _, p := range pauses {
		pause = max(pause, p)
	}
	return len(claimed), pause
}

// send makes one attempt and records what came of it.
func (o *Outbox) send(ctx context.Context, m message.Message, failures int) (pause time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime) // an attempt is finished, or its outcome is lost
	defer cancel()
	ids, err := o.attempt(ctx, m)
	sender := o.Senders[m.Channel].Name()
	if err == nil {
		o.record(ctx, m, func(m *message.Message) { m.Accept(sender, ids, o.Now().UTC()) })
		o.catchUp(ctx, sender, ids)
		return 0
	}
	var f *message.Failure
	if !errors.As(err, &f) {
		f = &message.Failure{Reason: "the driver failed: see the server's log"}
		o.Log.WarnContext(ctx, "outbox: a driver failed", "driver", sender, "message", m.ID, "err", err)
	}
	if f.Gateway {
		pause = max(backoff(failures, firstPause, lastPause), min(f.Retry, lastPause))
		o.Log.WarnContext(ctx, "outbox: the gateway is away", "driver", sender, "reason", f.Reason, "pause", pause)
	}
	o.record(ctx, m, func(m *message.Message) { o.fail(m, f, pause) })
	return pause
}

func (o *Outbox) attempt(ctx context.Context, m message.Message) ([]string, error) {
	if !m.Expires.After(o.Now()) {
		return nil, &message.Failure{Reason: "its time ran out before it could be sent", Permanent: true, Status: message.Expired}
	}
	if o.Before != nil {
		if err := o.Before(ctx, m); err != nil {
			return nil, withheld(err)
		}
	}
	if err := o.open(&m); err != nil {
		return nil, &message.Failure{Reason: fmt.Sprintf("what it says cannot be opened: %v", err), Permanent: true}
	}
	failpoint.Here(failpoint.BeforeSend)
	ids, err := o.Senders[m.Channel].Send(ctx, m)
	failpoint.Here(failpoint.AfterSend)
	return ids, err
}

// withheld is a message that may not go: for good when its link or account says so, else it is asked again.
func withheld(err error) error {
	for _, final := range []error{account.ErrGone, account.ErrDisabled, account.ErrNotFound} {
		if errors.Is(err, final) {
			return &message.Failure{Reason: "it was not sent: " + final.Error(), Permanent: true}
		}
	}
	return &message.Failure{Reason: "whether it may be sent is not known at present"}
}

// fail decides what becomes of a message whose attempt failed.
func (o *Outbox) fail(m *message.Message, f *message.Failure, pause time.Duration) {
	now := o.Now().UTC()
	m.Reason, m.Lease = f.Reason, ""
	if f.Permanent || !f.Gateway && m.Attempts >= attempts {
		m.Status, m.Dead, m.Due = message.Failed, true, time.Time{}
		if f.Status != "" {
			m.Status = f.Status
		}
		m.Note(m.Status, f.Reason, now)
		return
	}
	wait := max(f.Retry, backoff(m.Attempts-1, firstBackoff, lastBackoff))
	if f.Gateway {
		wait = pause / 2 // it is tried first when the channel is
	}
	m.Status, m.Due = message.Queued, now.Add(wait)
	m.Note(message.Queued, f.Reason, now)
}

// backoff doubles from first to last, less up to a fifth by chance, so that nodes do not come at the same moment.
func backoff(n int, first, last time.Duration) time.Duration {
	d := last
	if n < 16 {
		d = min(first<<max(n, 0), last)
	}
	return d - rand.N(d/5)
}

// record writes the outcome of an attempt, unless the lease was lost meanwhile.
func (o *Outbox) record(ctx context.Context, sent message.Message, f func(*message.Message)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	for {
		m, err := o.Store.Update(ctx, sent.ID, func(m *message.Message) error {
			if m.Lease != o.Node || m.Attempts != sent.Attempts {
				return message.ErrState
			}
			f(m)
			return nil
		})
		switch {
		case err == nil:
			o.changed(ctx, m)
			return
		case errors.Is(err, message.ErrState), errors.Is(err, message.ErrNotFound):
			return
		case !sleep(ctx, nil, time.Second): // the store is away: what the gateway has must not be sent twice
			o.Log.ErrorContext(ctx, "outbox: the outcome is not recorded, the message may be sent twice", "message", sent.ID, "err", err)
			return
		}
	}
}
