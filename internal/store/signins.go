package store

import (
	"context"
	"time"

	"sipward/internal/account"
	"sipward/internal/operator"
)

// SignIns is the repository of the sign-in log.
type SignIns struct{ past *history[operator.SignIn] }

func newSignIns(c *core, keep time.Duration) *SignIns {
	return &SignIns{&history[operator.SignIn]{
		c: c, kind: "signin", late: true, codec: newCodec(func(s *operator.SignIn) string { return s.ID }), keep: keep,
		at: func(s *operator.SignIn) time.Time { return s.At },
		of: func(s *operator.SignIn) []account.ID { return []account.ID{account.ID(s.Operator)} },
	}}
}

// Add writes one entry.
func (r *SignIns) Add(ctx context.Context, s operator.SignIn) error {
	return r.past.add(ctx, []operator.SignIn{s})
}

// List pages through the log, the newest first.
func (r *SignIns) List(ctx context.Context, f operator.SignInFilter, cursor string, limit int) (Page[operator.SignIn], error) {
	return r.past.list(ctx, window{account.ID(f.Operator), f.From, f.Until}, cursor, limit, f.Matches)
}
