package transport

import (
	"bytes"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// consumeBytes cuts the stream into messages by Content-Length (RFC 3261 sections 7.5 and 18.3).
func (s *stream) consumeBytes() error {
	for {
		if s.pending == nil {
			if err := s.skipCRLF(); err != nil {
				return err
			}
			if s.in.r == s.in.w {
				return nil
			}
			if done, err := s.readHead(); !done {
				return err
			}
		}
		if len(s.in.unread()) < s.headLen+s.bodyLen {
			s.inBody = true
			s.in.reserve(s.layer, s.headLen+s.bodyLen)
			return nil
		}
		if err := s.finish(); err != nil {
			return err
		}
	}
}

// readHead looks for the end of the header section and parses it; false without error asks for more bytes.
func (s *stream) readHead() (bool, error) {
	if s.scanned == 0 && classes[s.in.buf[s.in.r]]&classToken == 0 {
		return false, errMalformed // not the beginning of any message: a TLS hello, an HTTP/2 preface
	}
	n, why := s.headEnd()
	if n == 0 && why == nil {
		return false, nil
	}
	h := s.layer.takeHead()
	defer s.layer.freeHead(h)
	if why != nil {
		h.fail(why)
		n = min(len(s.in.unread()), s.layer.lim.HeaderBytes)
	}
	h.scan(string(s.in.unread()[:n]), s.layer.lim)
	m, why := h.build()
	if why == nil {
		s.bodyLen, why = h.streamBody(m, s.layer.lim)
	}
	if why != nil {
		s.layer.refuse(s.flow, h, why)
		s.linger()
		return false, errMalformed
	}
	s.pending, s.headLen = m, n
	return true, nil
}

// headEnd is the length of the header section with its empty line, 0 when it has not all come. A line end other than
// CRLF is found as it comes, and so is a section that grows too large.
func (s *stream) headEnd() (int, *fault) {
	b := s.in.unread()
	for {
		i := bytes.IndexByte(b[s.scanned:], '\n')
		if i < 0 {
			s.scanned = len(b)
			if len(b) > s.layer.lim.HeaderBytes {
				return 0, tooLarge("header section")
			}
			return 0, nil
		}
		at := s.scanned + i
		if at == 0 || b[at-1] != '\r' {
			return 0, bad("line end")
		}
		s.scanned = at + 1
		if at-1 == s.lineAt {
			return at + 1, nil
		}
		s.lineAt = at + 1
	}
}

// streamBody is the length of the body: exactly one Content-Length is required on a stream (RFC 3261 section 18.3).
func (h *head) streamBody(m gosip.Message, lim *Limits) (int, *fault) {
	length := m.ContentLength()
	if length == nil {
		return 0, bad("Content-Length missing")
	}
	if uint64(*length) > uint64(lim.BodyBytes) {
		return 0, bodyTooLarge()
	}
	return int(*length), nil
}

// finish hands the complete message over and begins the next.
func (s *stream) finish() error {
	m, body := s.pending, s.in.unread()[s.headLen:s.headLen+s.bodyLen]
	if len(body) > 0 {
		m.SetBody(bytes.Clone(body))
	}
	s.in.r += s.headLen + s.bodyLen
	s.reset()
	if err := s.admitWait(); err != nil {
		return err
	}
	s.alive()
	s.layer.deliver(s.flow, m)
	return nil
}

// reset forgets the message in progress. What is already read begins the next one now.
func (s *stream) reset() {
	s.pending, s.headLen, s.bodyLen, s.scanned, s.lineAt, s.inBody = nil, 0, 0, 0, 0, false
	if s.in.r == s.in.w {
		s.began = time.Time{}
	} else {
		s.began = time.Now()
	}
}
