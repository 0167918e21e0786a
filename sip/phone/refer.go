package phone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Refer asks the far end to call target instead (blind transfer, RFC 3515) and waits until it tells how that went: nil
// when the target answered.
func (c *Call) Refer(ctx context.Context, target string) error {
	r, err := c.Request(ctx, "REFER", "", nil, "Refer-To: <"+c.p.target(target)+">",
		"Referred-By: <"+c.p.self()+">", "Contact: "+c.contact().value)
	if err != nil {
		return err
	}
	if r.StatusCode >= 300 {
		return refused("transfer", r)
	}
	for {
		select {
		case frag := <-c.refer:
			var code int
			if _, err := fmt.Sscanf(frag, "SIP/2.0 %d", &code); err != nil || code < 200 {
				continue
			}
			if code < 300 {
				return nil
			}
			return &Refused{What: "transfer", Code: code, Phrase: strings.TrimPrefix(frag, fmt.Sprintf("SIP/2.0 %d ", code))}
		case <-c.ended:
			return errors.New("the call ended before the transfer was reported")
		case <-ctx.Done():
			return fmt.Errorf("the transfer was not reported: %w", context.Cause(ctx))
		}
	}
}

// Transferred waits for the call that a REFER within this one made us place.
func (c *Call) Transferred(ctx context.Context) (*Call, error) {
	select {
	case next := <-c.transfer:
		return next, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("no transfer came: %w", context.Cause(ctx))
	}
}

// onRefer accepts a transfer: 202, the new call, NOTIFYs about it (RFC 3515 section 2.4.4).
func (c *Call) onRefer(tx *serverTx) {
	to := Header(tx.req, "Refer-To")
	if to == "" {
		tx.answer(400, nil)
		return
	}
	tx.answer(202, []field{c.contact()})
	c.p.spawn(func() { c.follow(address(to), Header(tx.req, "Referred-By")) })
}

// follow places the call that was asked for and reports 100, then its final status.
func (c *Call) follow(target, by string) {
	ctx, cancel := context.WithTimeout(c.p.life, 3*time.Minute)
	defer cancel()
	c.notify(ctx, "SIP/2.0 100 Trying", "active;expires=180")
	var o Options
	if by != "" {
		o.Fields = []string{"Referred-By: " + by}
	}
	next, err := c.p.Call(ctx, target, o)
	if err != nil {
		c.notify(ctx, "SIP/2.0 503 Service Unavailable", "terminated;reason=noresource")
		return
	}
	select {
	case c.transfer <- next:
	default: // nobody asks for them; the call goes on all the same
	}
	outcome := "SIP/2.0 200 OK"
	if err := next.Answered(ctx); err != nil {
		r := next.Result()
		outcome = fmt.Sprintf("SIP/2.0 %d %s", or(r.Code, 480), or(r.Phrase, Phrase(480)))
	}
	c.notify(ctx, outcome, "terminated;reason=noresource")
}

func (c *Call) notify(ctx context.Context, frag, state string) {
	_, _ = c.Request(ctx, "NOTIFY", "message/sipfrag;version=2.0", []byte(frag+"\r\n"), "Event: refer",
		"Subscription-State: "+state, "Contact: "+c.contact().value) // a referrer that has hung up needs no report
}

func (c *Call) onNotify(tx *serverTx) {
	tx.answer(200, nil)
	if event, _, _ := strings.Cut(Header(tx.req, "Event"), ";"); !strings.EqualFold(strings.TrimSpace(event), "refer") {
		return
	}
	line, _, _ := bytes.Cut(tx.req.Body(), []byte("\r\n"))
	select {
	case c.refer <- string(line):
	default: // nobody waits
	}
}
