package transport

import (
	"bytes"
	"io"
	"strconv"

	gosip "github.com/emiago/sipgo/sip"
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
	count := writeHead(buf, m)
	if m.ContentLength() == nil {
		buf.WriteString("Content-Length: ")
		buf.WriteString(strconv.Itoa(len(m.Body())))
		buf.WriteString("\r\n")
		count++
	}
	// One line for the start, one for each header: a value with a line end in it would make more. This is the last
	// line against injection from the store, the API or a display name; two passes of memchr.
	if lines := count + 1; bytes.Count(buf.Bytes(), []byte{'\n'}) != lines || bytes.Count(buf.Bytes(), []byte{'\r'}) != lines {
		return errInjected
	}
	buf.WriteString("\r\n")
	buf.Write(m.Body())
	return nil
}

// writeHead writes the start line and the headers and tells how many headers there were.
func writeHead(buf *bytes.Buffer, m gosip.Message) int {
	switch m := m.(type) {
	case *gosip.Request:
		m.StartLineWrite(buf)
		return writeHeaders(buf, &m.MessageData)
	case *gosip.Response:
		m.StartLineWrite(buf)
		return writeHeaders(buf, &m.MessageData)
	}
	return -1
}

func writeHeaders(buf *bytes.Buffer, d *gosip.MessageData) int {
	buf.WriteString("\r\n")
	if len(d.Headers()) == 0 {
		return 0
	}
	d.StringWrite(io.StringWriter(buf)) // of the embedded headers: each line with its CRLF
	return len(d.Headers())
}
