package store

import (
	"context"
	"errors"
	"math"
	"time"

	"sipward/internal/message"
	"sipward/internal/store/kv"
)

// Claim takes up to limit messages of a channel that are due for an owner, until the lease is over; a message that another node takes
// at the same moment is left to it. A message whose lease has run out is due again: its sender died, and whether the
// gateway has it is not known.
func (r *Outbox) Claim(ctx context.Context, channel message.Channel, owner string, lease time.Duration, limit int) ([]message.Message, error) {
	now := r.c.now().UTC()
	found, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.due(channel), Min: math.Inf(-1), Max: float64(now.UnixMilli()), Limit: limit})
	if err != nil {
		return nil, err
	}
	var mine []message.Message
	for _, member := range found[0] {
		m, err := r.update(ctx, message.ID(member.Name), func(m *message.Message) error {
			if m.Due.IsZero() || m.Due.After(now) {
				return message.ErrState
			}
			m.Status, m.Lease, m.Due = message.Sending, owner, now.Add(lease)
			m.Attempts++
			return nil
		})
		switch {
		case err == nil:
			mine = append(mine, m)
		case errors.Is(err, message.ErrNotFound), errors.Is(err, ErrMisfit):
			_ = r.c.takeOut(ctx, r.due(channel), []kv.Member{member}) // the next claim meets it again
		case errors.Is(err, kv.ErrConflict), errors.Is(err, message.ErrState):
		default:
			return mine, err
		}
	}
	return mine, nil
}
