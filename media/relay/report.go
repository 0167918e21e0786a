package relay

import "math"

// Report is what a call's media was like.
type Report struct {
	Caller, Callee Heard // what each has sent
}

// Heard is the media one side has sent, over all its streams; jitter and MOS are those of the first one, the sound.
type Heard struct {
	Packets uint64
	Bytes   uint64
	Lost    uint64  // on its way to us
	Jitter  float64 // ms, at the end (RFC 3550 section 6.4.1)
	Worst   float64 // ms, the highest
	MOS     float64 // 1 to 4.4, estimated for G.711; 0: nothing was sent
	RTT     float64 // ms between us and the phone, from its clear RTCP, the last one; 0: not known
	Missed  float64 // share of the other side's packets that this one said it missed, from its clear RTCP, the highest
}

func (c *Call) report() Report {
	return Report{Caller: c.heard(Caller), Callee: c.heard(Callee)}
}

func (c *Call) heard(from Side) (h Heard) {
	first := math.MaxInt
	for i, st := range c.streams {
		st.mu.Lock()
		t, said := st.sides[from].sound, st.sides[from].said
		st.mu.Unlock()
		h.Packets, h.Bytes, h.Lost = h.Packets+t.total, h.Bytes+t.bytes, h.Lost+t.lost+t.missing()
		if i < first {
			first, h.Jitter, h.Worst, h.MOS = i, t.jitterMS, t.worst, t.mos()
			h.RTT, h.Missed = said.rtt, said.missed
		}
	}
	return h
}

// mos estimates by the E-model (ITU-T G.107, with G.113's values for G.711 with loss concealment) what the packets that
// came could still be heard as. A jitter buffer of twice the jitter is assumed, and 20 ms a packet; the way from us to
// the other phone is not in it.
func (t *tracker) mos() float64 {
	if t.total == 0 {
		return 0
	}
	lost := float64(t.lost + t.missing())
	loss := 100 * lost / (lost + float64(t.total))
	delay := 20 + 2*t.jitterMS
	r := 93.2 - 0.024*delay - 95*loss/(loss+25.1)
	if late := delay - 177.3; late > 0 {
		r -= 0.11 * late
	}
	r = min(max(r, 0), 100)
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
