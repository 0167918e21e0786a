package phone

import (
	"fmt"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// provisional takes an 18x: an early dialog if it has a tag, early media if it has SDP, PRACK if it asks for one.
func (c *Call) provisional(r *gosip.Response) {
	tag := tagOf(Header(r, "To"))
	if r.StatusCode == 100 || tag == "" {
		return
	}
	c.mu.Lock()
	d := c.forks[tag]
	if d == nil && len(c.forks) < 32 {
		d = dialogOf(*c.dialog, r)
		c.forks[tag] = d
	}
	fresh := d != nil
	seq, _ := strconv.ParseUint(Header(r, "RSeq"), 10, 32)
	if hasToken(r, "Require", "100rel") && d != nil {
		// out of order or seen before: neither acknowledged nor used (RFC 3262 section 4)
		fresh = d.prackSeq == 0 || uint32(seq) == d.prackSeq+1
	}
	if fresh && seq != 0 {
		d.prackSeq = uint32(seq)
	}
	if fresh && c.state == calling {
		d.localSeq = c.dialog.localSeq
		c.dialog = d
	}
	c.mu.Unlock()
	if !fresh {
		return
	}
	c.mark(c.ringing)
	var answer []byte
	if seq != 0 || !c.opt.NoSDP { // an offer may not come in an unreliable response (RFC 3262 section 5)
		answer = c.take(r)
	}
	if seq != 0 {
		c.acknowledgeProvisional(r, d, seq, answer)
	}
}

// take gives a response's SDP to the audio: our offer's answer, or their offer, whose answer is returned.
func (c *Call) take(r *gosip.Response) (answer []byte) {
	if !isSDP(r) || c.opt.SDP != nil {
		return nil
	}
	answer, err := c.audio.take(c.flowOf(), r.Body())
	if err != nil {
		c.audio.fault(err)
		return nil
	}
	c.mark(c.early)
	return answer
}

// talking tells whether offer and answer are complete.
func (c *Call) talking() bool {
	select {
	case <-c.early:
		return true
	default:
		return false
	}
}

func (c *Call) flowOf() *flow {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialog.flow
}

func isSDP(m gosip.Message) bool {
	kind, _, _ := strings.Cut(Header(m, "Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/sdp") && len(m.Body()) > 0
}

// acknowledgeProvisional sends the PRACK (RFC 3262 section 4), which may carry our answer.
func (c *Call) acknowledgeProvisional(r *gosip.Response, d *dialog, seq uint64, answer []byte) {
	rack := field{"RAck", fmt.Sprintf("%d %s", seq, r.CSeq().Value())}
	c.mu.Lock()
	pr := d.draft("PRACK", c.nextSeq, rack)
	f := d.flow
	c.mu.Unlock()
	pr.kind, pr.body = "application/sdp", answer
	c.p.spawn(func() { _, _ = c.p.do(c.p.life, f, pr) }) // run must go on reading meanwhile
}

// accepted takes a 2xx: ACK, dialog, media. One from another branch of a fork after the first, or one for a call given
// up, gets its ACK and a BYE (RFC 3261 section 13.2.2.4).
func (c *Call) accepted(tx *clientTx, r *gosip.Response) {
	c.mu.Lock()
	d := dialogOf(*c.dialog, r)
	late := c.state != calling
	again := c.state == confirmed && c.dialog.remoteTag == d.remoteTag // sent once more before our ACK was kept
	if !late {
		c.dialog, c.state, c.final = d, confirmed, r
	}
	c.mu.Unlock()
	var answer []byte
	if !late {
		answer = c.take(r)
	}
	_ = tx.acknowledge(r, c.ack(tx, d, answer))
	if again {
		return
	}
	if late {
		c.mu.Lock()
		bye := d.draft("BYE", counter(d.localSeq+1))
		c.mu.Unlock()
		c.p.spawn(func() { _, _ = c.p.do(c.p.life, d.flow, bye) })
		return
	}
	c.audio.answered()
	c.mark(c.ringing, c.answered)
	if c.opt.NoSDP && !c.talking() {
		c.p.spawn(func() { _ = c.Bye(c.p.life) }) // no offer, or one we cannot take (RFC 3261 section 13.2.1)
	}
}

// ack is the ACK of a 2xx: a request within the dialog, with the INVITE's CSeq number and credentials (RFC 3261
// section 13.2.2.4), in a branch of its own.
func (c *Call) ack(tx *clientTx, d *dialog, answer []byte) []byte {
	uri, fields := d.route()
	seq, _, _ := strings.Cut(tx.sent.get("CSeq"), " ")
	m := &message{first: "ACK " + uri + " SIP/2.0"}
	m.add("Max-Forwards", "70")
	m.addAll(fields)
	m.addAll([]field{{"From", tx.sent.get("From")}, {"To", d.remote + ";tag=" + d.remoteTag}, {"Call-ID", c.id}, {"CSeq", seq + " ACK"}})
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if v := tx.sent.get(name); v != "" {
			m.add(name, v)
		}
	}
	m.content("application/sdp", answer)
	return m.bytes(d.flow.via("z9hG4bK" + random()))
}
