package licenceproxy

import (
	"context"
	"errors"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
)

const (
	// claimTime is how long one node may fetch before another takes over: a question, its second try and the writing.
	claimTime = askTime + 2*time.Second
	// peek is how often a node that waits for another's fetch looks into the store.
	peek = 50 * time.Millisecond
	// flightTime bounds a whole flight.
	flightTime = claimTime + 2*time.Second
)

// errPaused is a question that is not asked because the last one failed.
var errPaused = errors.New("the vendor failed a moment ago, nobody asks it now")

// errBusy is a question for which there is no room.
var errBusy = errors.New("too many questions to the vendor are under way")

// refresh asks the vendor behind the caller's back, unless somebody just has.
func (p *Proxy) refresh(ctx context.Context, k key, s *slot, oem string) {
	if p.vendor == nil {
		return
	}
	now := p.Now()
	next := s.next.Load()
	// A pause that lies further ahead than any pause is long means that the clock was set back.
	if wait := time.Duration(next - now.UnixNano()); wait > 0 && wait <= maxRetryAfter {
		return
	}
	if !s.next.CompareAndSwap(next, now.Add(pauseTime).UnixNano()) {
		return // another request does it at this moment
	}
	p.start(ctx, k, oem, false)
}

// start begins a flight or joins the one that is under way; its end comes over the channel, which nobody need read.
func (p *Proxy) start(ctx context.Context, k key, oem string, force bool) <-chan result {
	name := string(k.account) + " " + k.product
	if force {
		name += " force"
	}
	out := make(chan result, 1)
	p.running.Add(1)
	ch := p.flights.DoChan(name, func() (any, error) {
		// a caller who leaves must not end what others wait for
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTime)
		defer cancel()
		return p.flight(ctx, k, oem, force)
	})
	go func() {
		defer p.running.Done()
		r := <-ch
		h, _ := r.Val.(*held)
		out <- result{h, r.Err}
	}()
	return out
}

// result is how a flight ended.
type result struct {
	held *held
	err  error
}

// fly waits for a flight, or until the caller leaves.
func (p *Proxy) fly(ctx context.Context, k key, oem string, force bool) (*held, error) {
	select {
	case r := <-p.start(ctx, k, oem, force):
		return r.held, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// flight fetches, or waits for the node that does.
func (p *Proxy) flight(ctx context.Context, k key, oem string, force bool) (*held, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	default:
		return p.memory.slot(k).held.Load(), errBusy
	}
	s := p.memory.slot(k)
	for {
		begun := p.Now()
		until, pause, ok, err := p.Licences.Claim(ctx, k.account, k.product, begun.Add(claimTime), force)
		switch {
		case err != nil:
			return s.held.Load(), err
		case ok:
			return p.fetch(ctx, k, s, oem, force)
		case pause:
			s.pause(until)
			h, _ := p.load(ctx, k, s)
			return h, errPaused
		}
		if h := p.await(ctx, k, s, until); h != nil {
			return h, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// await looks into the store until the other node's fetch shows, or its claim is over.
func (p *Proxy) await(ctx context.Context, k key, s *slot, until time.Time) *held {
	t := time.NewTicker(peek)
	defer t.Stop()
	for p.Now().Before(until) {
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		now := p.Now()
		if h, err := p.load(ctx, k, s); err == nil && (p.judge(k, h, now) == licence.Fresh || p.refused(h, now)) {
			return h
		}
		if held, pause, err := p.Licences.Claimed(ctx, k.account, k.product); err != nil || pause || !held.After(now) {
			return nil // it has failed, or given up
		}
	}
	return nil
}

// fetch asks the vendor with the claim in hand.
func (p *Proxy) fetch(ctx context.Context, k key, s *slot, oem string, force bool) (*held, error) {
	h, err := p.load(ctx, k, s)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return nil, err
	}
	now := p.Now()
	if !force && (p.judge(k, h, now) == licence.Fresh || p.refused(h, now)) {
		return h, p.Licences.Release(ctx, k.account, k.product) // another node was faster
	}
	q := question{Account: k.account, Product: k.product, OEMCode: oem}
	if h != nil && h.doc.At(now) == nil {
		q.etag = h.entry.ETag
	}
	r, err := p.vendor.ask(ctx, q)
	if err == nil {
		err = p.keep(ctx, k, q.etag, s, r)
	}
	if err != nil {
		return h, p.failed(ctx, k, s, err)
	}
	outcome := "ok"
	if r.refused {
		outcome = "refused"
	}
	p.metrics.fetches.WithLabelValues(outcome).Inc()
	h, err = p.load(ctx, k, s)
	return h, errors.Join(err, p.Licences.Release(ctx, k.account, k.product))
}
