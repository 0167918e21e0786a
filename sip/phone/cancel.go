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
	tx, err := c.cancellable(ctx)
	if tx == nil {
		return err
	}
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

// cancellable waits until the INVITE under way has a response, for a CANCEL may not come before (RFC 3261 section 9.1);
// nil without an error: the call has ended. An INVITE that was challenged has ended, and the next one counts.
func (c *Call) cancellable(ctx context.Context) (*clientTx, error) {
	for {
		c.mu.Lock()
		tx, st, trying := c.tx, c.state, c.trying
		c.mu.Unlock()
		if st != calling || tx == nil {
			return nil, errors.New("the call cannot be cancelled: it is not waiting for an answer")
		}
		select {
		case <-trying:
		case <-c.ended:
			return nil, nil
		case <-ctx.Done():
			return nil, fmt.Errorf("the call cannot be cancelled before anything answers: %w", context.Cause(ctx))
		}
		c.mu.Lock()
		latest, same := c.tx, c.trying == trying
		c.mu.Unlock()
		if same {
			return latest, nil
		}
	}
}
