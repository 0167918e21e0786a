package transport

import (
	"bytes"

	gosip "github.com/emiago/sipgo/sip"
)

// deliver stamps a checked message and hands it to the handler. A panic there ends neither the flow nor the process:
// the request gets 500.
func (l *Layer) deliver(f *Flow, m gosip.Message) { l.handOver(l.handler, f, m) }

func (l *Layer) handOver(to Handler, f *Flow, m gosip.Message) {
	m.SetTransport(f.net.Via())
	m.SetSource(f.source)
	req, _ := m.(*gosip.Request)
	if req != nil {
		stampVia(m.Via(), f.host, f.port)
	}
	l.metrics.received(f.net)
	defer func() {
		if p := recover(); p != nil {
			_ = l.panicked("handler", p)
			l.apologise(f, req)
		}
	}()
	to.Receive(f, m)
}

// apologise answers a request whose handler panicked.
func (l *Layer) apologise(f *Flow, req *gosip.Request) {
	if req == nil || req.IsAck() {
		return
	}
	_ = l.protect("apology", func() error {
		return f.WriteMsg(gosip.NewResponseFromRequest(req, gosip.StatusInternalServerError, "Server Internal Error", nil))
	})
}

// datagram handles one message that came whole: a UDP packet or a WebSocket message. False: it was refused.
func (l *Layer) datagram(f *Flow, p []byte) bool {
	h := l.takeHead()
	defer l.freeHead(h)
	n := l.scanDatagram(h, p)
	if l.absorber != nil && l.absorbs(f, h) {
		return true
	}
	m, why := l.readDatagram(h, p, n)
	if why != nil {
		l.refuse(f, h, why)
		return false
	}
	l.deliver(f, m)
	return true
}

// parseDatagram reads the message of p; h stays filled for an answer.
func (l *Layer) parseDatagram(h *head, p []byte) (gosip.Message, *fault) {
	return l.readDatagram(h, p, l.scanDatagram(h, p))
}

// scanDatagram reads the header section of p, and tells where it ends.
func (l *Layer) scanDatagram(h *head, p []byte) int {
	begin := 0
	for len(p) >= begin+2 && p[begin] == '\r' && p[begin+1] == '\n' {
		begin += 2
	}
	p = p[begin:]
	n := bytes.Index(p, []byte("\r\n\r\n")) + 4
	if n < 4 {
		n = len(p)
	}
	if n > l.lim.HeaderBytes {
		h.fail(tooLarge("header section"))
		n = l.lim.HeaderBytes
	}
	h.size = len(p)
	h.scan(string(p[:n]), l.lim)
	return begin + n
}

func (l *Layer) readDatagram(h *head, p []byte, n int) (gosip.Message, *fault) {
	m, why := h.build()
	if why == nil {
		why = takeBody(m, p[n:], l.lim)
	}
	return m, why
}

// takeBody cuts the body by Content-Length: what is missing is an error, what is too much is dropped, without the
// header all of the rest is body (RFC 3261 section 18.3).
func takeBody(m gosip.Message, rest []byte, lim *Limits) *fault {
	n := len(rest)
	if length := m.ContentLength(); length != nil {
		if uint64(*length) > uint64(n) {
			return bad("body shorter than Content-Length")
		}
		n = int(*length)
	}
	if n > lim.BodyBytes {
		return bodyTooLarge()
	}
	if n > 0 {
		m.SetBody(bytes.Clone(rest[:n]))
	} else if m.ContentLength() == nil {
		m.SetBody(nil)
	}
	return nil
}
