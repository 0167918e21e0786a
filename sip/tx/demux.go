package tx

import (
	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// request finds the transaction of a request (RFC 3261 section 17.2.3) or begins one.
func (t *Table) request(f flow, r *gosip.Request) {
	as := r.Method
	if as == gosip.ACK || as == gosip.CANCEL {
		as = gosip.INVITE
	}
	k, ok := t.keys.server(f, r, as)
	if !ok {
		t.m.dropped.WithLabelValues("key").Inc()
		return
	}
	sh := t.shard(k)
	switch r.Method {
	case gosip.ACK:
		t.ack(f, r, sh, k)
	case gosip.CANCEL:
		t.cancel(f, r, sh, k)
	default:
		if !sh.repeated(f, k) {
			t.begin(f, r, sh, k)
		}
	}
}

// repeated answers a retransmission with what was answered before; false: the request is new.
func (s *shard) repeated(f flow, k key) bool {
	s.mu.Lock()
	live, end, past := s.live[k], s.ended[k], s.past[k]
	s.mu.Unlock()
	switch {
	case live != nil:
		live.repeat()
	case end != nil:
		end.repeat()
	case past != nil && s.t.now() < past.until:
		_ = f.Send(past.bytes) // lost again, it will be asked for again
	default:
		return false
	}
	s.t.m.repeats.WithLabelValues("received").Inc()
	return true
}

// begin starts a server transaction, or sheds the request.
func (t *Table) begin(f flow, r *gosip.Request, sh *shard, k key) {
	c := classify(r)
	if why := t.crowded(r, c); why != "" {
		t.shed(f, r, k, why)
		return
	}
	s := &Server{t: t, sh: sh, key: k, flow: f, req: r, reliable: f.Network().Reliable(), invite: r.IsInvite()}
	s.who = s
	if s.reliable && !t.peers.join(f, s, true, t.limit(f, c)) {
		t.shed(f, r, k, "flow")
		return
	}
	s.open()
	defer t.guard("request", s.broken)
	t.user.Request(s)
}

// limit is how many requests in flight f may have for one more of class c.
func (t *Table) limit(f flow, c class) int {
	if tf := real(f); t.exempt != nil && tf != nil && t.exempt(tf) {
		return t.max
	}
	return t.perFlow(c)
}

// ack absorbs the ACK of a non-2xx answer, on every transport; any other goes to the user.
func (t *Table) ack(f flow, r *gosip.Request, sh *shard, k key) {
	sh.mu.Lock()
	live, end := sh.live[k], sh.ended[k]
	sh.mu.Unlock()
	if live != nil {
		t.m.dropped.WithLabelValues("late").Inc() // nothing was answered that could be acknowledged
		return
	}
	if end != nil && end.acked() {
		return
	}
	defer t.guard("ack", nil)
	t.user.Ack(real(f), r)
}

// Absorb implements transport.Absorber: ours is what has the tag of the transaction it belongs to, whether anything is
// left of that or not. A 2xx is acknowledged under a branch of its own.
func (t *Table) Absorb(f *transport.Flow, via *gosip.ViaHeader, tag string) bool {
	return t.absorb(f, via, tag)
}

func (t *Table) absorb(f flow, via *gosip.ViaHeader, tag string) bool {
	k, ok := t.keys.of(f, gosip.INVITE, via)
	if !ok || !t.keys.tagged(k, tag) || t.closed.Load() {
		return false
	}
	sh := t.shard(k)
	sh.mu.Lock()
	live, end := sh.live[k], sh.ended[k]
	sh.mu.Unlock()
	return live == nil && (end == nil || end.acked())
}

// Shed implements transport.Shedder: a request that is known is a repeated one and gets the answer it had, if it had one.
func (t *Table) Shed(f *transport.Flow, m gosip.RequestMethod, via *gosip.ViaHeader) (tag string, ok bool) {
	return t.shedding(f, m, via)
}

func (t *Table) shedding(f flow, m gosip.RequestMethod, via *gosip.ViaHeader) (string, bool) {
	k, ok := t.keys.of(f, m, via)
	if !ok || t.closed.Load() || t.shard(k).repeated(f, k) {
		return "", false
	}
	t.m.shed.WithLabelValues("late").Inc()
	return t.keys.tag(k), true
}

// cancel answers a CANCEL by RFC 3261 section 9.2 and hands it on. The transaction of the CANCEL itself needs no state:
// repeated, it gets the same answer.
func (t *Table) cancel(f flow, r *gosip.Request, sh *shard, k key) {
	sh.mu.Lock()
	live, end := sh.live[k], sh.ended[k]
	sh.mu.Unlock()
	if live == nil && end == nil {
		t.stateless(f, r, gosip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist", k)
		return
	}
	t.stateless(f, r, gosip.StatusOK, "OK", k) // k is the INVITE's, and so is the tag
	if live == nil || !live.markCancelled() {
		return
	}
	defer t.guard("cancel", live.broken)
	t.user.Cancel(live, r)
}

// response finds the client transaction of a response (RFC 3261 section 17.1.3). One that comes by another way than its
// request went is dropped: nobody answers for somebody else.
func (t *Table) response(f flow, res *gosip.Response) {
	k, ok := t.keys.client(res)
	if !ok {
		t.m.dropped.WithLabelValues("key").Inc()
		return
	}
	sh := t.shard(k)
	sh.mu.Lock()
	c := sh.calls[k]
	sh.mu.Unlock()
	switch {
	case c == nil:
		defer t.guard("stray", nil)
		t.user.Stray(real(f), res)
	case !same(c.flow, f):
		t.m.dropped.WithLabelValues("flow").Inc()
	default:
		c.receive(res)
	}
}
