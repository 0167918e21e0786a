package phone

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrCancelled ends a call that we gave up before it was answered.
var ErrCancelled = errors.New("the call was cancelled")

// Cancel gives a call of ours up before its answer (RFC 3261 section 9.1): same branch, and the 487 or a late 2xx
// decides what becomes of it. It waits for the call's end.
func (c *Call) Cancel(ctx context.Context) error {
	c.mu.Lock()
	tx, st := c.tx, c.state
	c.mu.Unlock()
	if st != calling || tx == nil {
		return errors.New("the call cannot be cancelled: it is not waiting for an answer")
	}
	select { // not before the first response (RFC 3261 section 9.1)
	case <-c.trying:
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the call cannot be cancelled before anything answers: %w", context.Cause(ctx))
	}
	c.mu.Lock()
	tx = c.tx // a challenge may have come first
	c.mu.Unlock()
	_, uri, _ := strings.Cut(tx.sent.first, " ")
	m := &message{first: "CANCEL " + uri}
	for _, f := range tx.sent.fields {
		switch strings.ToLower(f.name) {
		case "from", "to", "call-id", "route", "max-forwards":
			m.addAll([]field{f})
		}
	}
	seq, _, _ := strings.Cut(tx.sent.get("CSeq"), " ")
	m.add("CSeq", seq+" CANCEL")
	cancel, err := c.p.startIn(tx.flow, "CANCEL", m, tx.branch)
	if err != nil {
		return err
	}
	defer cancel.close()
	if r, err := cancel.final(ctx); err != nil {
		return err
	} else if r.StatusCode >= 300 {
		return refused("cancel", r)
	}
	select {
	case <-c.ended:
		return nil
	case <-c.answered: // the 2xx was faster: hang up (RFC 3261 section 15)
		return c.Bye(ctx)
	case <-ctx.Done():
		return fmt.Errorf("the cancelled call has not ended: %w", context.Cause(ctx))
	}
}
