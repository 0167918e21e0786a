package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sipward/internal/message"
	"sipward/internal/store/kv"
)

// recent is the list of times at which messages to a recipient were queued within the last hour, with now.
func recent(value []byte, now time.Time, limit int) ([]byte, error) {
	var times, kept []int64
	if len(value) > 0 {
		if err := json.Unmarshal(value, &times); err != nil {
			return nil, fmt.Errorf("%w (%v)", ErrMisfit, err)
		}
	}
	for _, t := range times {
		if t > now.Add(-time.Hour).UnixMilli() {
			kept = append(kept, t)
		}
	}
	if limit > 0 && len(kept) >= limit {
		wait := min(time.UnixMilli(kept[0]).Add(time.Hour).Sub(now), time.Hour) // the oldest may be a moment younger than this one
		return nil, &message.LimitError{Code: "recipient", Retry: wait,
			Detail: fmt.Sprintf("%d messages went to this recipient within the last hour, and no more are sent: wait, or hand over the link another way", len(kept))}
	}
	return json.Marshal(append(kept, now.UnixMilli()))
}

// nearDaily is how far from the daily limit messages begin to take turns: more are never queued at the same moment.
const nearDaily = 256

// today holds a message to the daily limit. Near it, messages are queued one after the other: on this node until done is
// called, among all by the check of a record that each of them writes.
func (r *Outbox) today(ctx context.Context, day kv.Key, now time.Time, limit int) (near *kv.Check, done func(), err error) {
	done = func() {}
	if limit <= 0 {
		return nil, done, nil
	}
	n, err := r.c.kv.Count(ctx, day)
	if err != nil || n[0] < limit-nearDaily {
		return nil, done, err
	}
	select {
	case r.turn <- struct{}{}:
		done = func() { <-r.turn }
	case <-ctx.Done():
		return nil, done, ctx.Err()
	}
	turns := kv.Key{Tag: day.Tag, Name: day.Name + ":turn"}
	rec, err := r.c.read(ctx, turns)
	if err == nil {
		n, err = r.c.kv.Count(ctx, day)
	}
	if err == nil && n[0] >= limit {
		err = &message.LimitError{Code: "daily", Retry: now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now),
			Detail: fmt.Sprintf("%d messages were sent today, and no more are: wait until midnight UTC, or raise the daily limit in the configuration", n[0])}
	}
	if err != nil {
		done()
		done = func() {}
	}
	return &kv.Check{Key: turns, Version: rec.Version}, done, err
}
