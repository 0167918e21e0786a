package phone

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// serverTx is a server transaction (RFC 3261 section 17.2): it answers retransmissions with what it said last.
type serverTx struct {
	p       *Phone
	flow    *flow
	req     *gosip.Request
	tag     string // our To tag
	expires time.Time
	acked   chan struct{} // closed by the ACK of a final response to INVITE
	ackOnce sync.Once
	silence func() // what to do when no ACK comes at all; set before the final response

	mu    sync.Mutex
	last  []byte
	final bool
}

// serverKey is RFC 3261 section 17.2.3: branch and sent-by of the topmost Via, and the method.
func serverKey(r *gosip.Request, method string) string {
	via := r.Via()
	branch, _ := via.Params.Get("branch")
	return branch + " " + via.Host + ":" + strconv.Itoa(via.Port) + " " + method
}

// onRequest answers retransmissions, feeds ACKs and CANCELs to their INVITE, and hands new requests on. It runs on the
// flow's reader.
func (p *Phone) onRequest(f *flow, r *gosip.Request) {
	method := string(r.Method)
	matched := method
	if method == "ACK" {
		matched = "INVITE"
	}
	p.mu.Lock()
	tx := p.servers[serverKey(r, matched)]
	if tx == nil && method != "ACK" {
		now := time.Now()
		p.sweepLocked(now)
		tx = &serverTx{p: p, flow: f, req: r, tag: or(tagOf(Header(r, "To")), random()), acked: make(chan struct{}),
			expires: now.Add(10 * time.Minute)}
		p.servers[serverKey(r, method)] = tx
		p.mu.Unlock()
		p.serveNew(tx)
		return
	}
	p.mu.Unlock()
	switch {
	case method != "ACK":
		tx.repeat()
	case tx != nil:
		tx.ackOnce.Do(func() { close(tx.acked) })
	default: // the ACK of a 2xx is a transaction of its own (RFC 3261 section 13.2.2.4)
		if c := p.callOf(r); c != nil {
			c.onAck(r)
		}
	}
}

// serveNew treats a request that has not been seen.
func (p *Phone) serveNew(tx *serverTx) {
	r := tx.req
	if p.cfg.OnRequest != nil {
		if say := p.cfg.OnRequest(r); say != nil {
			if say.Code > 0 {
				tx.respond(say.Code, say.Phrase, lines(say.Fields), say.SDP)
			}
			return
		}
	}
	if r.Method == gosip.CANCEL {
		p.onCancel(tx)
		return
	}
	if tagOf(Header(r, "To")) != "" {
		if c := p.callOf(r); c != nil {
			c.serve(tx)
		} else {
			tx.answer(481, nil) // RFC 3261 section 12.2.2
		}
		return
	}
	switch r.Method {
	case gosip.INVITE:
		p.ring(tx)
	case gosip.MESSAGE:
		p.receiveMessage(tx)
	case gosip.OPTIONS, gosip.NOTIFY:
		tx.answer(200, []field{allow, {"Accept", "application/sdp"}})
	default:
		tx.answer(405, []field{allow}) // RFC 3261 section 8.2.1
	}
}

var allow = field{"Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO, MESSAGE"}

// callOf finds the call of an in-dialog request by Call-ID and our tag, which is in To (RFC 3261 section 12.2.2).
func (p *Phone) callOf(r *gosip.Request) *Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[callKey(r.CallID().Value(), tagOf(Header(r, "To")))]
}

func callKey(callID, tag string) string { return callID + " " + tag }

// onCancel answers the CANCEL and ends its INVITE with 487 (RFC 3261 section 9.2).
func (p *Phone) onCancel(tx *serverTx) {
	p.mu.Lock()
	invite := p.servers[serverKey(tx.req, "INVITE")]
	var c *Call
	if invite != nil {
		c = p.calls[callKey(tx.req.CallID().Value(), invite.tag)]
	}
	p.mu.Unlock()
	if invite == nil {
		tx.answer(481, nil)
		return
	}
	tx.tag = invite.tag // RFC 3261 section 9.2: the same To tag as the INVITE's answer
	tx.answer(200, nil)
	if c != nil {
		c.cancelled(Header(tx.req, "Reason"))
	}
}

func (tx *serverTx) repeat() {
	tx.mu.Lock()
	last := tx.last
	tx.mu.Unlock()
	if last != nil {
		_ = tx.p.write(tx.flow, last)
	}
}

// answer sends a response without a body.
func (tx *serverTx) answer(code int, fields []field) { tx.respond(code, "", fields, nil) }

// respond sends a response; a final one only once. A final answer to INVITE is sent again until its ACK comes: a non-2xx
// over UDP only (timer G), a 2xx over anything (RFC 3261 section 13.3.1.4). It reports whether this was sent.
func (tx *serverTx) respond(code int, phrase string, fields []field, sdp []byte) bool {
	m := &message{first: fmt.Sprintf("SIP/2.0 %d %s", code, or(phrase, Phrase(code)))}
	tx.copyInto(m, code)
	m.addAll(fields)
	if sdp != nil {
		m.content("application/sdp", sdp)
	}
	wire := m.bytes("")
	tx.mu.Lock()
	if tx.final {
		tx.mu.Unlock()
		return false
	}
	tx.last, tx.final = wire, code >= 200
	tx.mu.Unlock()
	_ = tx.p.write(tx.flow, wire) // a peer that is gone needs no answer
	if tx.req.Method == gosip.INVITE && code >= 200 && (code < 300 || !tx.flow.reliable) {
		tx.p.spawn(func() {
			if !tx.p.persist(tx.flow, wire, tx.acked) && tx.silence != nil {
				tx.silence()
			}
		})
	}
	return true
}

// copyInto copies what RFC 3261 section 8.2.6 says a response has from its request.
func (tx *serverTx) copyInto(m *message, code int) {
	for i, v := range tx.req.GetHeaders("via") {
		value := v.Value()
		if i == 0 {
			value = tx.stamp(value)
		}
		m.add("Via", value)
	}
	if code < 300 && code > 100 { // a dialog's route set (RFC 3261 section 12.1.1)
		for _, v := range Headers(tx.req, "Record-Route") {
			m.add("Record-Route", v)
		}
	}
	to := Header(tx.req, "To")
	if tagOf(to) == "" && code != 100 {
		to += ";tag=" + tx.tag
	}
	m.addAll([]field{{"From", Header(tx.req, "From")}, {"To", to}, {"Call-ID", tx.req.CallID().Value()},
		{"CSeq", tx.req.CSeq().Value()}, {"Server", tx.p.cfg.UserAgent}})
}

// stamp adds received and rport to the topmost Via (RFC 3581 section 4).
func (tx *serverTx) stamp(via string) string {
	at := tx.flow.remote
	if p := tx.req.Via().Params; p.Has("rport") && p.GetOr("rport", "") == "" {
		bare := strings.Replace(via, ";rport=", ";rport", 1)
		via = strings.Replace(bare, ";rport", ";rport="+strconv.Itoa(int(at.Port())), 1)
		return via + ";received=" + at.Addr().String()
	}
	return via
}

// persist sends wire again, at T1 and doubling to T2, until stop is closed, which it reports, or 64*T1 have gone (RFC 3261 timers
// G, H).
func (p *Phone) persist(f *flow, wire []byte, stop <-chan struct{}) (stopped bool) {
	giveUp := time.NewTimer(timeout * p.cfg.T1)
	defer giveUp.Stop()
	for wait := p.cfg.T1; ; wait = min(2*wait, 8*p.cfg.T1) {
		again := time.NewTimer(wait)
		select {
		case <-again.C:
			_ = p.write(f, wire)
			continue
		case <-stop:
		case <-giveUp.C:
		case <-f.done:
		case <-p.life.Done():
		}
		again.Stop()
		select { // it may have been both: what was acknowledged before the connection went needs no BYE
		case <-stop:
			stopped = true
		default:
		}
		return stopped
	}
}
