package tx

import (
	"bytes"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
)

// largeText is the size from which a buffer does not go back to the pool.
const largeText = 64 << 10

// render serialises m into a buffer of the pool. A value with a line end in it, from the store, the API or a display
// name, would be a header of its own: such a message is refused before anything has changed.
func (t *Table) render(m gosip.Message) (*bytes.Buffer, error) {
	buf := t.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	head, headers := header.AppendHead(buf.AvailableBuffer(), m)
	return t.seal(buf, head, headers+1, m.Body())
}

// seal puts a head of so many lines, and a body, into the buffer whose room it was written to; with an error the buffer is
// back in the pool.
func (t *Table) seal(buf *bytes.Buffer, head []byte, lines int, body []byte) (*bytes.Buffer, error) {
	if bytes.Count(head, []byte{'\n'}) != lines || bytes.Count(head, []byte{'\r'}) != lines {
		t.recycle(buf)
		return nil, ErrShape
	}
	buf.Write(head) // onto itself, unless it has grown
	buf.WriteString("\r\n")
	buf.Write(body)
	return buf, nil
}

// FinishWith sends a final answer that the user writes itself: build appends start line and headers, each with its CRLF,
// to b, with the transaction's To tag, and tells how many lines they are. The answer has no body; the empty line is added
// here.
func (s *Server) FinishWith(code int, build func(b []byte, tag string) (head []byte, lines int)) error {
	buf := s.t.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	head, lines := build(buf.AvailableBuffer(), s.Tag())
	buf, err := s.t.seal(buf, head, lines, nil)
	if err != nil {
		return err
	}
	defer s.t.recycle(buf)
	return s.finish(code, buf.Bytes(), false)
}

func (t *Table) recycle(buf *bytes.Buffer) {
	if buf.Cap() <= largeText {
		t.buffers.Put(buf)
	}
}
