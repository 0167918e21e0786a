package phone

import (
	"context"
	"fmt"

	gosip "github.com/emiago/sipgo/sip"
)

// Message is a MESSAGE that came in (RFC 3428).
type Message struct {
	From    string // the URI in From
	Kind    string // content type
	Body    []byte
	Request *gosip.Request
}

// Message sends a MESSAGE and returns nil when the far end took it (2xx).
func (p *Phone) Message(ctx context.Context, target, kind string, body []byte) error {
	r, err := p.Request(ctx, "MESSAGE", target, kind, body)
	if err != nil {
		return err
	}
	if r.StatusCode >= 300 {
		return refused("message", r)
	}
	return nil
}

// Inbox waits for the next MESSAGE that came in.
func (p *Phone) Inbox(ctx context.Context) (Message, error) {
	select {
	case m := <-p.inbox:
		return m, nil
	case <-ctx.Done():
		return Message{}, fmt.Errorf("no message came: %w", context.Cause(ctx))
	case <-p.life.Done():
		return Message{}, errClosed
	}
}

func (p *Phone) receiveMessage(tx *serverTx) {
	m := Message{From: address(Header(tx.req, "From")), Kind: Header(tx.req, "Content-Type"), Body: tx.req.Body(), Request: tx.req}
	select {
	case p.inbox <- m:
		tx.answer(200, nil)
	default:
		tx.answer(480, nil) // nobody reads the inbox
	}
}
