package tx

import gosip "github.com/emiago/sipgo/sip"

// Flow lets tests bring flows in memory, whose clock is synctest's.
type Flow = flow

// ReceiveOn is Receive for any flow.
func (t *Table) ReceiveOn(f Flow, m gosip.Message) { t.receive(f, m) }

// CloseFlow is Closed for any flow.
func (t *Table) CloseFlow(f Flow, err error) { t.flowClosed(f, err) }

// Call is Request for any flow.
func (t *Table) Call(f Flow, r *gosip.Request, on func(*gosip.Response, error)) (*Client, error) {
	return t.call(f, r, on)
}

// Held is what counts towards Config.Max, in eighths of a live transaction.
func (t *Table) Held() int { return int(t.held.Load()) }

// SetHeld pretends that n transactions are held.
func (t *Table) SetHeld(n int) { t.held.Store(whole * int64(n)) }

// Max is the cap in force.
func (t *Table) Max() int { return t.max }

// ServerKey is the key of a request, comparable, and whether it has one.
func (t *Table) ServerKey(f Flow, r *gosip.Request, as gosip.RequestMethod) (any, bool) {
	k, ok := t.keys.server(f, r, as)
	return k, ok
}

// Kept counts what the table holds: live servers, ended INVITEs, answers, clients, flows known.
func (t *Table) Kept() (live, ended, past, calls, flows int) {
	for _, s := range t.shards {
		s.mu.Lock()
		live, ended, past, calls = live+len(s.live), ended+len(s.ended), past+len(s.past), calls+len(s.calls)
		s.mu.Unlock()
	}
	for i := range t.peers.shards {
		p := &t.peers.shards[i]
		p.mu.Lock()
		flows += len(p.flows)
		p.mu.Unlock()
	}
	return live, ended, past, calls, flows
}

// Alarms counts the alarms set.
func (t *Table) Alarms() (n int) {
	for _, s := range t.shards {
		s.mu.Lock()
		n += len(s.alarms)
		s.mu.Unlock()
	}
	return n
}

// AbsorbOn is Absorb for flows in memory.
func (t *Table) AbsorbOn(f Flow, via *gosip.ViaHeader, tag string) bool { return t.absorb(f, via, tag) }

// ShedOn is Shed for flows in memory.
func (t *Table) ShedOn(f Flow, m gosip.RequestMethod, via *gosip.ViaHeader) (string, bool) {
	return t.shedding(f, m, via)
}
