package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/webhook"
)

const (
	lookEvery = time.Second // for what is due
	hookFresh = 5 * time.Second
	atOnce    = 8 // deliveries under way
	retryRead = time.Second
)

// Run notes and sends deliveries until ctx ends.
func (a *API) Run(ctx context.Context) error {
	defer a.client.CloseIdleConnections()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { a.follow(ctx); return nil })
	g.Go(func() error { a.send(ctx); return nil })
	return g.Wait()
}

func (a *API) call() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// follow notes a delivery for every change that somebody wants to know of. What happens while no node runs is not told.
func (a *API) follow(ctx context.Context) {
	var hooks []webhook.Hook
	var read time.Time
	for ctx.Err() == nil {
		head, err := a.Changes.Head(ctx)
		if err == nil {
			for ch, failed := range a.Changes.After(ctx, head) {
				if failed != nil {
					break
				}
				if ch.Topic == account.TopicOrg || time.Since(read) > hookFresh { // a hook may be what has changed
					if hooks, err = a.Hooks.List(ctx); err != nil {
						break
					}
					read = time.Now()
				}
				if err = a.note(ctx, hooks, ch); err != nil {
					break
				}
			}
		}
		if err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "webhooks: some changes may not be told", "err", err)
		}
		select {
		case <-time.After(retryRead):
		case <-ctx.Done():
		}
	}
}

func (a *API) note(ctx context.Context, hooks []webhook.Hook, ch account.Change) error {
	for _, h := range hooks {
		if !h.Wants(ch.Topic) {
			continue
		}
		event := fmt.Sprintf("%s/%s/%d/%d", ch.Topic, ch.ID, ch.Version, ch.At.UnixNano())
		d, err := a.delivery(h.ID, event, ch)
		if err == nil {
			err = a.Hooks.Enqueue(ctx, d)
		}
		if err != nil {
			return err
		}
		a.call()
	}
	return nil
}

// send makes what is due, until ctx ends.
func (a *API) send(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for {
			due, err := a.Hooks.Take(ctx, atOnce)
			if err != nil || len(due) == 0 {
				break // the store tells of its own faults
			}
			var g errgroup.Group
			for _, d := range due {
				g.Go(func() error { a.attempt(ctx, d); return nil })
			}
			_ = g.Wait() // none returns an error
		}
		select {
		case <-tick.C:
		case <-a.wake:
		case <-ctx.Done():
			return
		}
	}
}

// attempt sends one delivery and writes down what came of it.
func (a *API) attempt(ctx context.Context, d webhook.Delivery) {
	h, err := a.Hooks.ByID(ctx, d.Hook)
	switch {
	case errors.Is(err, account.ErrNotFound):
		d.Status, d.Reason, d.Cause, d.Ended = webhook.Failed, "the webhook is gone", webhook.ByOther, a.Now()
	case err != nil:
		return // the lease runs out, and it is tried again
	default:
		d.Attempts++
		d.Code, err = a.post(ctx, h, d)
		d = d.Outcome(err, cause(err), a.Now())
	}
	if _, err := a.Hooks.Save(context.WithoutCancel(ctx), d); err != nil {
		a.Log.WarnContext(ctx, "webhooks: the outcome of a delivery is not noted, it will be sent again", "delivery", d.ID, "err", err)
	}
}

// post sends one request; an error is one line for the log of deliveries.
func (a *API) post(ctx context.Context, h webhook.Hook, d webhook.Delivery) (code int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(d.Payload))
	if err != nil {
		return 0, err
	}
	now := a.Now()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "sipward-webhook")
	r.Header.Set("Webhook-Id", d.ID)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	signature := ""
	for _, box := range [][]byte{h.Secret, h.Former} {
		if len(box) == 0 {
			continue
		}
		secret, err := a.Ring.Open("webhook/"+h.ID, box)
		if err != nil {
			return 0, err
		}
		if signature != "" {
			signature += " "
		}
		signature += webhook.Sign(secret, d.ID, now, d.Payload)
	}
	r.Header.Set("Webhook-Signature", signature)
	resp, err := a.client.Do(r)
	if err != nil {
		return 0, bare(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode, answered(resp.StatusCode)
	}
	return resp.StatusCode, nil
}
