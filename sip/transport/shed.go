package transport

import (
	"math/rand/v2"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// Shedder is a Handler that knows by method and top Via whether a request is yet unknown, and the To tag of its answers if so:
// then the transport may turn it away. What is known has been seen to; false, too, where more than the Via is needed. The Via
// is lent.
type Shedder interface {
	Shed(f *Flow, m gosip.RequestMethod, via *gosip.ViaHeader) (tag string, ok bool)
}

// A burst is over within a second or two, and what is dropped meanwhile is sent again and served (RFC 3261 section
// 17.1.2.2). In an overload that stays, sending again makes it worse: then requests that are late get 503 and a time for
// Retry-After (section 21.5.4), spread so that the crowd does not come back at once.
const (
	burst   = 2 * time.Second
	calm    = time.Second // without anything late: the next is a burst again
	soonest = 10          // seconds of Retry-After
	latest  = 60
)

// strain is since when a socket has had late packets.
type strain struct{ since, last time.Time }

// lasts notes a late packet and reports whether this is more than a burst.
func (s *strain) lasts(now time.Time) bool {
	if now.Sub(s.last) > calm {
		s.since = now
	}
	s.last = now
	return now.Sub(s.since) > burst
}

// late drops or refuses a packet that waited for too long.
func (s *socket) late(k flowKey, p []byte, now time.Time) {
	l := s.layer
	l.metrics.drop("late")
	if s.strain.lasts(now) && l.shedder != nil && l.admit(k.remote.Addr(), UDP, now) == admitted {
		l.shed(s.flow(k), p)
	}
}

// shed answers a request with 503 from its header section alone, at a fraction of the cost of serving it.
func (l *Layer) shed(f *Flow, p []byte) {
	h := l.takeHead()
	defer l.freeHead(h)
	l.scanDatagram(h, p)
	if b := l.overloaded(f, h); b != nil {
		l.metrics.refused("overload")
		_ = f.Send(b) // the peer's loss when it is gone
	}
}

// overloaded is the answer; nil where there is none to give.
func (l *Layer) overloaded(f *Flow, h *head) []byte {
	value, _ := h.first(hdrVia)
	if i := indexOutside(value, ','); i >= 0 {
		value = trim(value[:i])
	}
	h.spare = parts{}
	via, ok := h.spare.parseVia(value)
	if !ok || h.fault != nil {
		return nil
	}
	method, _, _ := strings.Cut(h.start, " ")
	tag, ok := l.shedder.Shed(f, gosip.RequestMethod(method), via)
	if !ok {
		return nil
	}
	return h.answer(&fault{code: 503, phrase: "Service Unavailable", after: soonest + rand.IntN(latest-soonest+1)}, f, tag)
}
