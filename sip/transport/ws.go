package transport

import (
	"bytes"
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// frames is the WebSocket half of a stream (RFC 6455, RFC 7118): one message, whole or in fragments, is one SIP message.
type frames struct {
	reader bytes.Reader // over the inbox, for the header of a frame
	open   bool         // a fragmented message is in progress
	parts  []byte       // its payload so far
}

// upgrade answers the HTTP request that opens a WebSocket. It reads no further than the request's end, so a frame that
// comes right behind it is not lost. The subprotocol must be "sip" (RFC 7118 section 4).
func (s *stream) upgrade() error {
	request, err := s.httpHead()
	if err != nil {
		return err
	}
	agreed := false
	u := ws.Upgrader{
		Protocol: func(p []byte) bool { agreed = string(p) == "sip"; return agreed },
		OnBeforeUpgrade: func() (ws.HandshakeHeader, error) {
			if agreed {
				return nil, nil
			}
			return nil, ws.RejectConnectionError(ws.RejectionStatus(400), ws.RejectionReason("subprotocol sip required"))
		},
	}
	if _, err := u.Upgrade(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(request), s.conn}); err != nil {
		return err
	}
	s.in.r += len(request)
	s.frames = &frames{}
	return nil
}

// httpHead reads the request up to its empty line; the deadline of the handshake holds.
func (s *stream) httpHead() ([]byte, error) {
	for {
		if i := bytes.Index(s.in.unread(), []byte("\r\n\r\n")); i >= 0 {
			return s.in.unread()[:i+4], nil
		}
		if len(s.in.unread()) > s.layer.lim.HeaderBytes {
			return nil, errors.New("transport: upgrade request too large")
		}
		n, err := s.conn.Read(s.in.space(s.layer))
		s.in.w += n
		if err != nil && n == 0 {
			return nil, err
		}
	}
}

// consumeFrames takes whole frames from the inbox.
func (s *stream) consumeFrames() error {
	for {
		h, size, err := s.frameHeader()
		if err != nil {
			return err
		}
		if size == 0 || len(s.in.unread()) < size+int(h.Length) {
			if size > 0 {
				s.inBody = true
				s.in.reserve(s.layer, size+int(h.Length))
			}
			if len(s.in.unread()) > 0 {
				return nil
			}
			s.frames.reader.Reset(nil) // the inbox goes back to its pool
			if !s.frames.open {
				s.began = time.Time{}
			}
			return nil
		}
		payload := s.in.unread()[size : size+int(h.Length)]
		ws.Cipher(payload, h.Mask, 0)
		s.in.r += size + int(h.Length)
		if err := s.frame(h, payload); err != nil {
			return err
		}
	}
}

// frameHeader reads the header of the next frame; size 0 asks for more bytes.
func (s *stream) frameHeader() (h ws.Header, size int, err error) {
	fr := s.frames
	fr.reader.Reset(s.in.unread())
	if h, err = ws.ReadHeader(&fr.reader); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return h, 0, nil
		}
		return h, 0, s.sayClose(ws.StatusProtocolError, errMalformed)
	}
	state := ws.StateServerSide
	if fr.open {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return h, 0, s.sayClose(ws.StatusProtocolError, errMalformed)
	}
	lim := s.layer.lim
	if h.Length > int64(lim.HeaderBytes+lim.BodyBytes-len(fr.parts)) {
		return h, 0, s.sayClose(ws.StatusMessageTooBig, errMalformed)
	}
	return h, len(s.in.unread()) - fr.reader.Len(), nil
}

// frame handles one unmasked frame.
func (s *stream) frame(h ws.Header, payload []byte) error {
	fr := s.frames
	switch h.OpCode {
	case ws.OpPing:
		return s.wsPong(payload)
	case ws.OpPong:
		s.stillThere()
		s.endOfControl()
		return nil
	case ws.OpClose:
		return s.sayClose(ws.StatusNormalClosure, io.EOF)
	}
	if !h.Fin || fr.open {
		fr.parts = append(fr.parts, payload...)
		payload = fr.parts
	}
	if fr.open = !h.Fin; fr.open {
		s.inBody = true // the message's deadline counts from its first fragment
		return nil
	}
	err := s.wsMessage(payload)
	fr.parts = nil
	s.reset()
	return err
}

// wsMessage handles the payload of a complete message; a double CRLF in it is a ping as on other streams.
func (s *stream) wsMessage(p []byte) error {
	if err := s.admitWait(); err != nil {
		return err
	}
	if onlyCRLF(p) {
		s.stillThere()
		if len(p) == 4 {
			s.layer.metrics.pings.Inc()
			return s.send([]byte("\r\n"))
		}
		return nil
	}
	s.alive()
	if !s.layer.datagram(s.flow, p) {
		s.linger()
		return errMalformed
	}
	return nil
}

func (s *stream) wsPong(payload []byte) error {
	if err := s.admitWait(); err != nil {
		return err
	}
	s.layer.metrics.pings.Inc()
	s.stillThere()
	s.endOfControl()
	return s.writeFrame(ws.OpPong, payload)
}

// endOfControl forgets the time a control frame took when no message is in progress.
func (s *stream) endOfControl() {
	if !s.frames.open {
		s.reset()
	}
}

// sayClose sends a close frame and passes why on.
func (s *stream) sayClose(code ws.StatusCode, why error) error {
	_ = s.writeFrame(ws.OpClose, ws.NewCloseFrameBody(code, ""))
	return why
}

// sendFrame sends one SIP message; text when it is UTF-8, as RFC 7118 section 5 wants.
func (s *stream) sendFrame(b []byte) error {
	if utf8.Valid(b) {
		return s.writeFrame(ws.OpText, b)
	}
	return s.writeFrame(ws.OpBinary, b)
}

// writeFrame writes header and payload together, so that frames of two senders never mix.
func (s *stream) writeFrame(op ws.OpCode, b []byte) error {
	buf := s.layer.texts.Get().(*bytes.Buffer)
	defer s.layer.recycle(buf)
	buf.Reset()
	if err := ws.WriteHeader(buf, ws.Header{Fin: true, OpCode: op, Length: int64(len(b))}); err != nil {
		return err
	}
	buf.Write(b)
	_, err := s.conn.Write(buf.Bytes())
	return s.failed(err)
}
