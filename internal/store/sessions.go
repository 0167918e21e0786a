package store

import (
	"context"
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
)

// Sessions is the repository of the SIP sessions log.
type Sessions struct{ past *history[location.Session] }

func newSessions(c *core, keep time.Duration) *Sessions {
	return &Sessions{&history[location.Session]{
		c: c, kind: "sess", late: true, codec: newCodec(func(s *location.Session) string { return s.ID }), keep: keep,
		at: func(s *location.Session) time.Time { return s.At },
		of: func(s *location.Session) []account.ID { return []account.ID{s.Account} },
	}}
}

// Add writes entries. Written again with the same id, an entry is replaced: so a connection gets its account.
func (r *Sessions) Add(ctx context.Context, list []location.Session) error {
	return r.past.add(ctx, list)
}

// List pages through the log, the newest first.
func (r *Sessions) List(ctx context.Context, f location.SessionFilter, cursor string, limit int) (Page[location.Session], error) {
	return r.past.list(ctx, window{f.Account, f.From, f.Until}, cursor, limit, f.Matches)
}
