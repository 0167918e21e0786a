package phone

import (
	"context"
	"fmt"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// clientTx is a client transaction (RFC 3261 section 17.1). Its owner calls next; retransmission happens there, so a
// transaction needs no goroutine.
type clientTx struct {
	p         *Phone
	flow      *flow
	key       string // branch and method
	branch    string
	method    string
	sent      *message
	wire      []byte
	responses chan *gosip.Response
	ack       []byte // guarded by Phone.mu: sent again for every retransmitted final response
	tag       string // of the response that ack belongs to
	expires   time.Time

	// owner only
	begun    time.Time
	wait     time.Duration
	again    time.Time // when to retransmit
	answered bool      // a provisional response came
}

// timeout is timers B and F, in units of T1 (RFC 3261 section 17.1.1.2).
const timeout = 64

// start sends a request in a new transaction.
func (p *Phone) start(f *flow, method string, m *message) (*clientTx, error) {
	return p.startIn(f, method, m, "z9hG4bK"+random())
}

func (p *Phone) startIn(f *flow, method string, m *message, branch string) (*clientTx, error) {
	now := time.Now()
	tx := &clientTx{
		p: p, flow: f, branch: branch, method: method, key: branch + " " + method, sent: m, wire: m.bytes(f.via(branch)),
		responses: make(chan *gosip.Response, 64), begun: now, wait: p.cfg.T1, again: now.Add(p.cfg.T1),
		expires: now.Add(10 * time.Minute),
	}
	p.mu.Lock()
	p.sweepLocked(now)
	p.clients[tx.key] = tx
	p.mu.Unlock()
	if err := p.write(f, tx.wire); err != nil {
		tx.close()
		return nil, err
	}
	return tx, nil
}

// sweepLocked forgets what is over for longer than timers D, H and J take.
func (p *Phone) sweepLocked(now time.Time) {
	for k, tx := range p.clients {
		if now.After(tx.expires) {
			delete(p.clients, k)
		}
	}
	for k, tx := range p.servers {
		if now.After(tx.expires) {
			delete(p.servers, k)
		}
	}
}

// close lets the transaction linger for retransmitted finals, which are acknowledged again.
func (tx *clientTx) close() {
	tx.p.mu.Lock()
	defer tx.p.mu.Unlock()
	if tx.ack == nil {
		delete(tx.p.clients, tx.key)
		return
	}
	tx.expires = time.Now().Add(timeout * tx.p.cfg.T1)
}

// next waits for the next response, sending the request again while none has come (timers A and E).
func (tx *clientTx) next(ctx context.Context) (*gosip.Response, error) {
	for {
		timer := time.NewTimer(tx.due())
		select {
		case r := <-tx.responses:
			timer.Stop()
			tx.answered = true
			return r, nil
		case <-timer.C:
			if err := tx.retransmit(); err != nil {
				return nil, err
			}
		case <-tx.flow.done:
			timer.Stop()
			select { // what came before the connection went still counts
			case r := <-tx.responses:
				return r, nil
			default:
			}
			return nil, tx.flow.lost()
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("no final answer to %s: %w", tx.method, context.Cause(ctx))
		case <-tx.p.life.Done():
			timer.Stop()
			return nil, errClosed
		}
	}
}

// due is the time until the next thing to do by ourselves: send again, or give up.
func (tx *clientTx) due() time.Duration {
	at := tx.begun.Add(timeout * tx.p.cfg.T1)
	if tx.method == "INVITE" && tx.answered {
		return 24 * time.Hour // ringing lasts as long as it lasts: the owner's ctx ends it
	}
	if !tx.flow.reliable && tx.again.Before(at) {
		at = tx.again
	}
	return time.Until(at)
}

func (tx *clientTx) retransmit() error {
	now := time.Now()
	if !now.Before(tx.begun.Add(timeout * tx.p.cfg.T1)) {
		return fmt.Errorf("no answer to %s from %s within %s", tx.method, tx.flow.remote, timeout*tx.p.cfg.T1)
	}
	if tx.flow.reliable || now.Before(tx.again) {
		return nil
	}
	tx.wait *= 2
	if most := 8 * tx.p.cfg.T1; tx.method != "INVITE" && tx.wait > most { // T2 is 8 T1 by default
		tx.wait = most
	}
	tx.again = now.Add(tx.wait)
	return tx.p.write(tx.flow, tx.wire)
}

// onResponse finds the transaction by branch and method (RFC 3261 section 17.1.3). A retransmitted final response to an
// INVITE gets its ACK again, by the reader, whatever the owner does meanwhile.
func (p *Phone) onResponse(r *gosip.Response) {
	branch, _ := r.Via().Params.Get("branch")
	key := branch + " " + strings.ToUpper(string(r.CSeq().MethodName))
	p.mu.Lock()
	tx := p.clients[key]
	var ack []byte
	if tx != nil && r.StatusCode >= 200 && tagOf(Header(r, "To")) == tx.tag {
		ack = tx.ack
	}
	p.mu.Unlock()
	switch {
	case tx == nil:
	case ack != nil:
		_ = p.write(tx.flow, ack)
	default:
		select {
		case tx.responses <- r:
		default: // the owner has left; a lost response, as networks lose them
		}
	}
}

// acknowledge sends the ACK of a final response and keeps it for retransmissions.
func (tx *clientTx) acknowledge(r *gosip.Response, wire []byte) error {
	tx.p.mu.Lock()
	tx.ack, tx.tag = wire, tagOf(Header(r, "To"))
	tx.p.mu.Unlock()
	return tx.p.write(tx.flow, wire)
}

// refuse acknowledges a non-2xx final response: same branch, To of the response (RFC 3261 section 17.1.1.3).
func (tx *clientTx) refuse(r *gosip.Response) {
	_, uri, _ := strings.Cut(tx.sent.first, " ")
	ack := &message{first: "ACK " + uri}
	for _, f := range tx.sent.fields {
		if strings.EqualFold(f.name, "Route") {
			ack.addAll([]field{f})
		}
	}
	cseq, _, _ := strings.Cut(tx.sent.get("CSeq"), " ")
	ack.addAll([]field{
		{"Max-Forwards", "70"}, {"From", tx.sent.get("From")}, {"To", Header(r, "To")},
		{"Call-ID", tx.sent.get("Call-ID")}, {"CSeq", cseq + " ACK"},
	})
	_ = tx.acknowledge(r, ack.bytes(tx.flow.via(tx.branch)))
}
