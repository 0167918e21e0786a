package header

import gosip "github.com/emiago/sipgo/sip"

// NewRequest makes a request of headers that are all known, in a list of just their size, and gives it its body and
// Content-Length. The parameters of uri are shared, not copied.
func NewRequest(method gosip.RequestMethod, uri gosip.Uri, list []gosip.Header, body []byte) *gosip.Request {
	r := &gosip.Request{Method: method, Recipient: uri}
	r.SipVersion = version
	r.PrependHeader(withLength(list, body)...)
	topVia(r, r.Headers())
	r.SetBody(body)
	return r
}

// NewResponse makes a response as NewRequest makes a request.
func NewResponse(code int, reason string, list []gosip.Header, body []byte) *gosip.Response {
	r := &gosip.Response{StatusCode: code, Reason: reason}
	r.SipVersion = version
	r.PrependHeader(withLength(list, body)...)
	topVia(r, r.Headers())
	r.SetBody(body)
	return r
}

const version = "SIP/2.0"

func withLength(list []gosip.Header, body []byte) []gosip.Header {
	length := gosip.ContentLengthHeader(len(body))
	return append(list, &length)
}

// topVia makes a message answer with its first Via: what is prepended as a list leaves it at the last.
func topVia(m interface{ ReplaceHeader(gosip.Header) }, list []gosip.Header) {
	for _, h := range list {
		if via, ok := h.(*gosip.ViaHeader); ok {
			m.ReplaceHeader(via)
			return
		}
	}
}

// NameAddr writes a name and a URI as From and To do.
func NameAddr(name string, uri *gosip.Uri) string { return string(appendNameAddr(nil, name, uri, nil)) }

// AppendURI appends a URI as it stands in a start line.
func AppendURI(b []byte, u *gosip.Uri) []byte { return appendURI(b, u) }
