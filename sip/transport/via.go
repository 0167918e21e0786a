package transport

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// parseVia reads one Via value (RFC 3261 sections 20.42 and 25.1): blanks may stand around "/" and ":".
func (p *parts) parseVia(s string) (*gosip.ViaHeader, bool) {
	name, rest, ok1 := strings.Cut(s, "/")
	version, rest, ok2 := strings.Cut(rest, "/")
	rest = trim(rest)
	end := strings.IndexAny(rest, " \t")
	if !ok1 || !ok2 || end < 0 {
		return nil, false
	}
	v := p.nextVia()
	v.ProtocolName, v.ProtocolVersion, v.Transport = trim(name), trim(version), rest[:end]
	if !strings.EqualFold(v.ProtocolName, "SIP") || v.ProtocolVersion != "2.0" || !token(v.Transport) {
		return nil, false
	}
	sentBy, params, more := strings.Cut(rest[end:], ";")
	if !viaHost(v, sentBy) {
		return nil, false
	}
	if !more {
		return v, true
	}
	var ok bool
	v.Params, ok = p.parseParams(params, true, 2) // two for received and rport
	return v, ok
}

// viaHost reads sent-by. sipgo keeps the address of an IPv6 reference without its brackets in a Via.
func viaHost(v *gosip.ViaHeader, s string) bool {
	s = trim(s)
	if i := strings.LastIndexByte(s, ':'); i > 0 && strings.ContainsAny(s, " \t") {
		s = trim(s[:i]) + ":" + trim(s[i+1:])
	}
	host, port, ok := splitHostPort(s)
	v.Host, v.Port = strings.Trim(host, "[]"), port
	return ok
}

// stampVia puts where the request really came from into its top Via, whatever the peer claimed: received always, rport
// always, so that every answer finds its way back through a NAT (RFC 3261 section 18.2.1, RFC 3581 section 4).
func stampVia(v *gosip.ViaHeader, host, port string) {
	v.Params.Add("received", host)
	v.Params.Add("rport", port)
}
