package store

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"sipward/internal/store/kv"
)

// traced is the port with a span around each round trip of a request that is followed. What the node does of its own accord
// has none; neither have keys, which hold numbers.
type traced struct {
	kv.Store
	tracer trace.Tracer
}

// tracing leaves the port as it is when nothing is to be followed.
func tracing(port kv.Store, t trace.Tracer) kv.Store {
	if t == nil {
		return port
	}
	return traced{port, t}
}

func span[T any](ctx context.Context, s traced, name string, n int, f func(context.Context) (T, error)) (T, error) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return f(ctx)
	}
	ctx, sp := s.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.Int("sipward.store.keys", n)))
	defer sp.End()
	v, err := f(ctx)
	if err != nil {
		sp.SetStatus(codes.Error, err.Error())
	}
	return v, err
}

// Read implements kv.Store.
func (s traced) Read(ctx context.Context, keys ...kv.Key) ([]kv.Record, error) {
	return span(ctx, s, "store read", len(keys), func(ctx context.Context) ([]kv.Record, error) { return s.Store.Read(ctx, keys...) })
}

// Commit implements kv.Store.
func (s traced) Commit(ctx context.Context, t kv.Txn) (kv.Result, error) {
	n := len(t.Checks) + len(t.Puts) + len(t.Deletes) + len(t.Adds) + len(t.Removes) + len(t.Appends)
	return span(ctx, s, "store commit", n, func(ctx context.Context) (kv.Result, error) { return s.Store.Commit(ctx, t) })
}

// Ranges implements kv.Store.
func (s traced) Ranges(ctx context.Context, ranges ...kv.Range) ([][]kv.Member, error) {
	return span(ctx, s, "store ranges", len(ranges), func(ctx context.Context) ([][]kv.Member, error) { return s.Store.Ranges(ctx, ranges...) })
}

// Count implements kv.Store.
func (s traced) Count(ctx context.Context, indexes ...kv.Key) ([]int, error) {
	return span(ctx, s, "store count", len(indexes), func(ctx context.Context) ([]int, error) { return s.Store.Count(ctx, indexes...) })
}

// Durable implements kv.Store.
func (s traced) Durable(ctx context.Context) error {
	_, err := span(ctx, s, "store durable", 0, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.Store.Durable(ctx) })
	return err
}
