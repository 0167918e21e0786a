package tx

import (
	"bytes"

	gosip "github.com/emiago/sipgo/sip"
)

// largeText is the size from which a buffer does not go back to the pool.
const largeText = 64 << 10

// render serialises m into a buffer of the pool. A value with a line end in it, from the store, the API or a display
// name, would be a header of its own: such a message is refused before anything has changed.
func (t *Table) render(m gosip.Message) (*bytes.Buffer, error) {
	buf := t.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	m.StringWrite(buf)
	if !shaped(buf.Bytes()[:buf.Len()-len(m.Body())], m) {
		t.recycle(buf)
		return nil, ErrShape
	}
	return buf, nil
}

// shaped reports whether head is one line for the start, one for each header and an empty one.
func shaped(head []byte, m gosip.Message) bool {
	h, ok := m.(interface{ Headers() []gosip.Header })
	if !ok {
		return false
	}
	lines := len(h.Headers()) + 2
	return bytes.Count(head, []byte{'\n'}) == lines && bytes.Count(head, []byte{'\r'}) == lines
}

func (t *Table) recycle(buf *bytes.Buffer) {
	if buf.Cap() <= largeText {
		t.buffers.Put(buf)
	}
}
