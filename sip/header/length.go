package header

import gosip "github.com/emiago/sipgo/sip"

// Outgoing is what the writers here need of a message that is being built.
type Outgoing interface {
	Message
	AppendHeader(h gosip.Header)
	Body() []byte
	SetBody(b []byte)
}

// SetBody gives a message that has no Content-Length yet its body and that header (RFC 3261 section 18.3: a stream cannot
// do without). sipgo's own method looks for the header in every way it could be written first, at four allocations.
func SetBody(m Outgoing, body []byte) {
	length := gosip.ContentLengthHeader(len(body))
	m.AppendHeader(&length)
	m.SetBody(body)
}

// Complete gives a message its Content-Length if it has none.
func Complete(m Outgoing) {
	for _, h := range m.Headers() {
		if called(h, "content-length") {
			return
		}
	}
	SetBody(m, m.Body())
}
