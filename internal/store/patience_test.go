package store_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"sipward/internal/store"
	"sipward/internal/store/kv"
)

// pausing is a port that does not answer until it was asked once.
type pausing struct{ *faulty }

func (p pausing) Read(ctx context.Context, keys ...kv.Key) ([]kv.Record, error) {
	defer p.cut.Store(false)
	return p.faulty.Read(ctx, keys...)
}

// One pause of the store does not end a node that starts.
func (suite) OpensThroughAPause(t *testing.T, b backend) {
	for patience, want := range map[time.Duration]error{time.Minute: nil, 0: kv.ErrUnavailable} {
		port := pausing{newFaulty(b.port(t))}
		port.cut.Store(true)
		if _, err := store.New(t.Context(), port, store.Config{Patience: patience}, slog.New(slog.DiscardHandler), nil); !errors.Is(err, want) {
			t.Errorf("with a patience of %s: %v", patience, err)
		}
	}
}
