package relay

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
)

// place is where a description is to send the receiver of a line.
type place struct {
	rtp, rtcp uint16 // our ports; 0: the line is not ours and stays as it is
	held      bool   // its c= is the unspecified address and stays (RFC 2543 hold)
	off       bool   // the line is refused: port 0
	ice       bool   // candidates stay, and ours is added
}

// rewriter copies a description line by line and puts our addresses in the place of the phone's.
type rewriter struct {
	out     []byte
	addr    []byte // "IP4 192.0.2.1"
	places  []place
	line    int    // index of the m= line under way; -1: the session's part
	own     []bool // by line: it has a c= of its own
	second  []bool // by line: it has candidates for RTCP
	added   bool   // our candidates stand in the line under way
	session []byte // the session's c=, as it came
}

// rewrite puts local and our ports into a description. Lines that are not ours keep their own address, also where it was
// the session's. Of ICE nothing stays, because candidates would lead past us (RFC 8839 section 5.1), or all, and ours is
// one more candidate.
func rewrite(sdp []byte, local netip.Addr, places []place) []byte {
	w := &rewriter{out: make([]byte, 0, len(sdp)+128), places: places, line: -1, addr: address(local)}
	lines := bytes.SplitAfter(sdp, []byte("\n"))
	for _, l := range lines {
		switch {
		case bytes.HasPrefix(l, []byte("m=")):
			w.own, w.second = append(w.own, false), append(w.second, false)
		case bytes.HasPrefix(l, []byte("c=")) && len(w.own) > 0:
			w.own[len(w.own)-1] = true
		case bytes.HasPrefix(l, []byte("a=candidate:")) && len(w.own) > 0:
			f := bytes.Fields(l)
			w.second[len(w.own)-1] = w.second[len(w.own)-1] || len(f) > 1 && string(f[1]) == "2"
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
		w.added = false
		w.media(body, end)
		w.inherit()
	case bytes.HasPrefix(body, []byte("c=")):
		w.connection(body, end)
	case isICE(body):
		w.ice(l, body, end)
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

// ice copies what a phone says of ICE where it may stay; before the first candidate of a line goes ours, with the lowest
// priority (RFC 8445 section 5.1.2.1), because the address of m= and c= must be among them (RFC 8839 section 4.2.5).
func (w *rewriter) ice(l, body, end []byte) {
	keep := w.at().ice
	if w.line < 0 {
		for _, p := range w.places {
			keep = keep || p.ice
		}
	}
	if !keep {
		return
	}
	if p := w.at(); bytes.HasPrefix(body, []byte("a=candidate:")) && !w.added {
		w.added = true
		w.candidate(1, p.rtp, end)
		if w.second[w.line] {
			w.candidate(2, p.rtcp, end)
		}
	}
	w.out = append(w.out, l...)
}

func (w *rewriter) candidate(component int, port uint16, end []byte) {
	w.out = append(fmt.Appendf(w.out, "a=candidate:sipward %d UDP %d %s %d typ relay raddr 0.0.0.0 rport 0", component, 512-component, w.addr[4:], port), end...)
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
