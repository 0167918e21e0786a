package relay

import (
	"bytes"
	"net/netip"
	"strconv"
)

// place is where a description is to send the receiver of a line.
type place struct {
	rtp, rtcp uint16 // our ports; 0: the line is not ours and stays as it is
	held      bool   // its c= is the unspecified address and stays (RFC 2543 hold)
	off       bool   // the line is refused: port 0
}

// rewriter copies a description line by line and puts our addresses in the place of the phone's.
type rewriter struct {
	out     []byte
	addr    []byte // "IP4 192.0.2.1"
	places  []place
	line    int    // index of the m= line under way; -1: the session's part
	own     []bool // by line: it has a c= of its own
	session []byte // the session's c=, as it came
}

// rewrite puts local and our ports into a description. Lines that are not ours keep their own address, also where it was
// the session's. Everything about ICE goes: candidates would lead past us (RFC 8839 section 5.1).
func rewrite(sdp []byte, local netip.Addr, places []place) []byte {
	w := &rewriter{out: make([]byte, 0, len(sdp)+128), places: places, line: -1, addr: address(local)}
	lines := bytes.SplitAfter(sdp, []byte("\n"))
	for _, l := range lines {
		switch {
		case bytes.HasPrefix(l, []byte("m=")):
			w.own = append(w.own, false)
		case bytes.HasPrefix(l, []byte("c=")) && len(w.own) > 0:
			w.own[len(w.own)-1] = true
		}
	}
	for _, l := range lines {
		w.copy(l)
	}
	return w.out
}

func address(a netip.Addr) []byte {
	kind := "IP4 "
	if a = a.Unmap(); a.Is6() {
		kind = "IP6 "
	}
	return append([]byte(kind), a.String()...)
}

func (w *rewriter) copy(l []byte) {
	body := bytes.TrimRight(l, "\r\n")
	end := l[len(body):]
	switch {
	case bytes.HasPrefix(body, []byte("m=")):
		w.line++
		w.media(body, end)
		w.inherit()
	case bytes.HasPrefix(body, []byte("c=")):
		w.connection(body, end)
	case isICE(body):
	case bytes.HasPrefix(body, []byte("a=rtcp:")) && w.ours():
		w.rtcp(body, end)
	default:
		w.out = append(w.out, l...)
	}
}

// at is the place of the line under way.
func (w *rewriter) at() place {
	if w.line < 0 || w.line >= len(w.places) {
		return place{}
	}
	return w.places[w.line]
}

func (w *rewriter) ours() bool { return w.at().rtp != 0 }

// media writes the m= line with our port.
func (w *rewriter) media(body, end []byte) {
	f := bytes.SplitN(body, []byte(" "), 3)
	p := w.at()
	if len(f) < 3 || p.rtp == 0 && !p.off {
		w.out = append(append(w.out, body...), end...)
		return
	}
	w.out = append(append(w.out, f[0]...), ' ')
	w.out = strconv.AppendUint(w.out, uint64(p.rtp), 10)
	w.out = append(append(append(w.out, ' '), f[2]...), end...)
}

// connection writes a c= line with our address. The session's is kept for lines that are not ours.
func (w *rewriter) connection(body, end []byte) {
	if w.line < 0 {
		w.session = append(append([]byte{}, body...), end...)
		if !w.allHeld() {
			body = append([]byte("c=IN "), w.addr...)
		}
	} else {
		if w.ours() && !w.at().held {
			body = append([]byte("c=IN "), w.addr...)
		}
	}
	w.out = append(append(w.out, body...), end...)
}

// allHeld: every line of ours is on hold by address, so the session's c= says so and stays.
func (w *rewriter) allHeld() bool {
	held := false
	for _, p := range w.places {
		if p.rtp != 0 && !p.held {
			return false
		}
		held = held || p.held
	}
	return held
}

// inherit gives a line that lived by the session's c=, and must not be sent to us, that address as its own.
func (w *rewriter) inherit() {
	p := w.at()
	foreign := p.rtp == 0 && !p.off
	if len(w.session) > 0 && !w.own[w.line] && (foreign || p.held && !w.allHeld()) {
		w.out = append(w.out, w.session...)
	}
}

// rtcp writes a=rtcp (RFC 3605) with our port, and our address where it had one.
func (w *rewriter) rtcp(body, end []byte) {
	w.out = append(w.out, "a=rtcp:"...)
	w.out = strconv.AppendUint(w.out, uint64(w.at().rtcp), 10)
	if bytes.IndexByte(body, ' ') > 0 {
		w.out = append(append(w.out, " IN "...), w.addr...)
	}
	w.out = append(w.out, end...)
}

// isICE reports the attributes by which phones do ICE (RFC 8839 section 5).
func isICE(body []byte) bool {
	name, ok := bytes.CutPrefix(body, []byte("a="))
	if !ok {
		return false
	}
	name, _, _ = bytes.Cut(name, []byte(":"))
	switch string(name) {
	case "candidate", "remote-candidates", "end-of-candidates", "ice-ufrag", "ice-pwd", "ice-options", "ice-lite", "ice-mismatch", "ice-pacing":
		return true
	}
	return false
}
