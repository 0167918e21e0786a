package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"sipward/internal/store/kv/kvtest"
)

// trigger calls once when a line with this text is logged.
type trigger struct {
	text string
	once sync.Once
	call func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.text) {
		w.once.Do(w.call)
	}
	return len(p), nil
}

// Redis may start after the node.
func TestNodeWaitsForRedis(t *testing.T) {
	t.Parallel()
	redis := kvtest.Redis(t)
	redis.Kill()
	c := testConfig(t)
	c.Redis.URL = redis.URL()
	w := &trigger{text: "redis does not answer yet", call: redis.Start}
	n, err := newNode(t.Context(), c, slog.New(slog.NewTextHandler(w, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
}

// A node that stops while Redis is away cannot say goodbye, and ends as cleanly as ever.
func TestAStopWithoutRedisIsClean(t *testing.T) {
	t.Parallel()
	redis := kvtest.Redis(t)
	c := testConfig(t)
	c.Redis.URL = redis.URL()
	n, err := newNode(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	greeting := &trigger{text: "set up", call: func() { redis.Kill(); stop() }}
	if err := errors.Join(n.start(ctx, false, greeting), n.close()); err != nil {
		t.Error(err)
	}
}
