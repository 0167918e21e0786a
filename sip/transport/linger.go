package transport

import (
	"io"
	"time"
)

// A refused stream is closed only after its peer had time to read why: bytes that wait unread at a close make the
// kernel send a reset, which throws the answer away.
const (
	lingerTime  = time.Second
	lingerBytes = 256 << 10
)

// linger ends our half of the connection and drains the peer's, for a bounded while.
func (s *stream) linger() {
	if t := s.secured(); t != nil {
		_ = t.CloseWrite()
	}
	if s.wire.reason() != nil || s.wire.CloseWrite() != nil {
		return
	}
	_ = s.wire.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, s.wire.TCPConn, lingerBytes)
}
