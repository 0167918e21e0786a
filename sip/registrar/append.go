package registrar

import (
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
)

// Append appends the 200, and tells how many lines it has: byte for byte what Response is on the wire with this To tag,
// without making a message of it. Nearly every REGISTER is a refresh, and all it wants to hear is this.
func (p *Pending) Append(b []byte, tag string) (head []byte, lines int) {
	req, o := p.request, &p.order
	b, lines = append(b, "SIP/2.0 200 OK\r\n"...), 1
	end := func() {
		b = append(b, "\r\n"...)
		lines++
	}
	field := func(h gosip.Header) {
		b = header.AppendField(b, h)
		lines++
	}
	for _, h := range req.Headers() {
		if _, ok := h.(*gosip.ViaHeader); ok {
			field(h)
		}
	}
	field(req.From())
	if to := req.To(); to.Params.Has("tag") {
		field(to)
	} else {
		b = header.AppendTo(b, to, tag)
		lines++
	}
	field(req.CallID())
	field(req.CSeq())
	for i := range p.set.Bindings {
		x := &p.set.Bindings[i]
		left := x.Expires.Sub(p.now)
		if left <= 0 {
			continue
		}
		b = append(append(append(b, "Contact: "...), x.Contact...), ";expires="...)
		b = strconv.AppendInt(b, int64(max(left/time.Second, 1)), 10)
		if o.gruu {
			b = append(b, p.registrar.gruus(p.account, x)...)
		}
		end()
	}
	if len(o.path) > 0 {
		b = append(append(b, "Path: "...), strings.Join(o.path, ", ")...)
		end()
	}
	fixed := &p.registrar.fixed
	field(fixed.supported)
	if o.outbound {
		field(fixed.require)
		if p.flow.Network().Reliable() {
			field(fixed.flowTimer)
		}
	}
	b = p.now.UTC().AppendFormat(append(b, "Date: "...), dateForm)
	end()
	field(fixed.length)
	return b, lines
}
