package media

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// Pacer plays clips: one sending goroutine per core on an absolute 20 ms schedule.
type Pacer struct { /* being written */
}

// NewPacer makes a pacer for at most max concurrent streams (0: 5000).
func NewPacer(max int, log *slog.Logger, m prometheus.Registerer) *Pacer { panic("being written") }

// Run serves until ctx ends and all streams have ended.
func (p *Pacer) Run(ctx context.Context) error { panic("being written") }

// Play sends the clip from the lease's socket and returns at its end or ctx's; RTP stops within one frame of ctx's end.
// RTCP sender reports go along (RFC 3550 section 6.4), and a BYE packet at the end.
func (p *Pacer) Play(ctx context.Context, c *Clip, s *Session, l *Lease) error {
	panic("being written")
}
