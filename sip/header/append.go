package header

import (
	"net"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// AppendHead appends the start line and the headers of m, each with its CRLF, to b, and tells how many headers there
// are. The bytes are those of m.StringWrite up to the empty line, without its many small writes and copies: every message
// is written at least once.
func AppendHead(b []byte, m gosip.Message) ([]byte, int) {
	switch m := m.(type) {
	case *gosip.Request:
		b = append(append(b, m.Method...), ' ')
		b = append(appendURI(b, &m.Recipient), ' ')
		return appendHeaders(append(b, m.SipVersion...), m.Headers())
	case *gosip.Response:
		b = append(append(b, m.SipVersion...), ' ')
		b = append(strconv.AppendInt(b, int64(m.StatusCode), 10), ' ')
		return appendHeaders(append(b, m.Reason...), m.Headers())
	}
	return b, 0
}

func appendHeaders(b []byte, list []gosip.Header) ([]byte, int) {
	b = append(b, "\r\n"...)
	for _, h := range list {
		b = AppendField(b, h)
	}
	return b, len(list)
}

// AppendStatus appends the start line of a response, with its CRLF.
func AppendStatus(b []byte, code int, reason string) []byte {
	b = strconv.AppendInt(append(b, version+" "...), int64(code), 10)
	return append(append(append(b, ' '), reason...), "\r\n"...)
}

// AppendField appends a header with its CRLF.
func AppendField(b []byte, h gosip.Header) []byte {
	b = append(append(b, h.Name()...), ": "...)
	return append(appendValueOf(b, h), "\r\n"...)
}

// AppendTo appends a To with a tag that it has not got, with its CRLF.
func AppendTo(b []byte, to *gosip.ToHeader, tag string) []byte {
	b = appendNameAddr(append(b, "To: "...), to.DisplayName, &to.Address, to.Params)
	return append(append(append(b, ";tag="...), tag...), "\r\n"...)
}

func appendValueOf(b []byte, h gosip.Header) []byte {
	switch h := h.(type) {
	case *gosip.ViaHeader:
		return appendVia(b, h)
	case *gosip.FromHeader:
		return appendNameAddr(b, h.DisplayName, &h.Address, h.Params)
	case *gosip.ToHeader:
		return appendNameAddr(b, h.DisplayName, &h.Address, h.Params)
	case *gosip.CSeqHeader:
		b = append(strconv.AppendUint(b, uint64(h.SeqNo), 10), ' ')
		return append(b, h.MethodName...)
	case *gosip.MaxForwardsHeader:
		return strconv.AppendUint(b, uint64(*h), 10)
	case *gosip.ContentLengthHeader:
		return strconv.AppendUint(b, uint64(*h), 10)
	}
	return append(b, h.Value()...)
}

func appendVia(b []byte, h *gosip.ViaHeader) []byte {
	b = append(append(b, h.ProtocolName...), '/')
	b = append(append(b, h.ProtocolVersion...), '/')
	b = append(append(b, h.Transport...), ' ')
	return appendParams(appendPort(appendHost(b, h.Host), h.Port), ';', ';', h.Params)
}

func appendNameAddr(b []byte, name string, uri *gosip.Uri, params gosip.HeaderParams) []byte {
	if name != "" {
		b = append(append(append(b, '"'), name...), `" `...)
	}
	b = append(appendURI(append(b, '<'), uri), '>')
	return appendParams(b, ';', ';', params)
}

func appendURI(b []byte, u *gosip.Uri) []byte {
	if u.Scheme == "" {
		b = append(b, "sip"...)
	}
	b = append(append(b, u.Scheme...), ':')
	if raw := u.Raw(); raw != "" {
		return append(b, raw...)
	}
	if u.HierarhicalSlashes {
		b = append(b, "//"...)
	}
	if u.User != "" {
		b = append(b, u.User...)
		if u.Password != "" {
			b = append(append(b, ':'), u.Password...)
		}
		b = append(b, '@')
	}
	b = appendPort(appendHost(b, u.Host), u.Port)
	return appendParams(appendParams(b, ';', ';', u.UriParams), '?', '&', u.Headers)
}

// appendHost puts an IPv6 address into brackets; names and IPv4 addresses, which have no colon, cost no parsing.
func appendHost(b []byte, host string) []byte {
	if strings.IndexByte(host, ':') < 0 {
		return append(b, host...)
	}
	if ip := net.ParseIP(host); ip == nil || ip.To4() != nil {
		return append(b, host...)
	}
	return append(append(append(b, '['), host...), ']')
}

func appendPort(b []byte, port int) []byte {
	if port <= 0 {
		return b
	}
	return strconv.AppendInt(append(b, ':'), int64(port), 10)
}

// appendParams appends first before the first parameter and between before the others.
func appendParams(b []byte, first, between byte, params gosip.HeaderParams) []byte {
	for i := range params {
		p := &params[i]
		if i > 0 {
			first = between
		}
		b = append(append(b, first), p.K...)
		switch {
		case p.V == "":
		case strings.IndexByte(p.V, ' ') >= 0 || strings.IndexByte(p.V, '\t') >= 0:
			b = append(append(append(b, `="`...), p.V...), '"')
		default:
			b = append(append(b, '='), p.V...)
		}
	}
	return b
}
