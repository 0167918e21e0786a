package sip

import (
	"context"
	"time"

	"sipward/sip/transport"
)

// restartAfter keeps a loop that panics at once from spinning.
const restartAfter = time.Second

// lasting runs a loop of the node until ctx ends. A panic in it is logged, and the loop begins anew: none of them keeps
// anything that its start does not read again.
func (s *Server) lasting(ctx context.Context, where string, loop func(context.Context) error) func() error {
	return func() error {
		for {
			again, err := s.once(ctx, where, loop)
			if !again || ctx.Err() != nil {
				return err
			}
			transport.Pause(ctx.Done(), restartAfter)
		}
	}
}

func (s *Server) once(ctx context.Context, where string, loop func(context.Context) error) (panicked bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(where, v)
			panicked = true
		}
	}()
	return false, loop(ctx)
}
