package transport

import (
	"bytes"
	"strconv"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
)

// pooledText is the largest buffer that goes back to the pool.
const pooledText = 64 << 10

func (l *Layer) recycle(b *bytes.Buffer) {
	if b.Cap() <= pooledText {
		l.texts.Put(b)
	}
}

// serialise writes m with a Content-Length (RFC 3261 section 18.3: a stream needs one, a proxy may send to one).
func serialise(buf *bytes.Buffer, m gosip.Message) error {
	head, headers := header.AppendHead(buf.AvailableBuffer(), m)
	if m.ContentLength() == nil {
		head = append(strconv.AppendInt(append(head, "Content-Length: "...), int64(len(m.Body())), 10), "\r\n"...)
		headers++
	}
	// One line for the start, one for each header: a value with a line end in it would make more. This is the last
	// line against injection from the store, the API or a display name; two passes of memchr.
	if lines := headers + 1; bytes.Count(head, []byte{'\n'}) != lines || bytes.Count(head, []byte{'\r'}) != lines {
		return errInjected
	}
	buf.Write(head) // onto itself, unless it has grown
	buf.WriteString("\r\n")
	buf.Write(m.Body())
	return nil
}
