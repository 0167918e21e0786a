package registrar

import (
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/transport"
)

// Supported lists the extensions of the registrar.
const Supported = "path, outbound, gruu"

// fixed are headers that are the same in every answer.
type fixed struct{ supported, require, flowTimer, length gosip.Header }

func newFixed(flowTimer time.Duration) fixed {
	var empty gosip.ContentLengthHeader
	return fixed{
		length:    &empty,
		supported: gosip.NewHeader("Supported", Supported),
		require:   gosip.NewHeader("Require", "outbound"),
		flowTimer: gosip.NewHeader("Flow-Timer", strconv.Itoa(int(flowTimer/time.Second))),
	}
}

// dateForm is the SIP-date of RFC 3261 section 20.17, of a time in UTC.
const dateForm = "Mon, 02 Jan 2006 15:04:05 GMT"

// answer is the 200: every binding that stands, with the time it has left (RFC 3261 section 10.3 step 8). It shares the
// headers of the request, which nobody changes; the To tag is the transaction's to stamp, on a copy.
func (r *Registrar) answer(req *gosip.Request, a *account.Account, f *transport.Flow, o *order, set location.Set, now time.Time) *gosip.Response {
	res := gosip.NewResponse(gosip.StatusOK, "OK")
	for _, h := range req.Headers() {
		if _, ok := h.(*gosip.ViaHeader); ok {
			res.AppendHeader(h)
		}
	}
	res.AppendHeader(req.From())
	res.AppendHeader(req.To())
	res.AppendHeader(req.CallID())
	res.AppendHeader(req.CSeq())
	for i := range set.Bindings {
		if left := set.Bindings[i].Expires.Sub(now); left > 0 {
			seconds := max(int(left/time.Second), 1)
			value := set.Bindings[i].Contact + ";expires=" + strconv.Itoa(seconds)
			if o.gruu {
				value += r.gruus(a, &set.Bindings[i])
			}
			res.AppendHeader(gosip.NewHeader("Contact", value))
		}
	}
	if len(o.path) > 0 { // RFC 3327 section 5.3
		res.AppendHeader(gosip.NewHeader("Path", strings.Join(o.path, ", ")))
	}
	res.AppendHeader(r.fixed.supported)
	if o.outbound { // RFC 5626 section 6
		res.AppendHeader(r.fixed.require)
		if f.Network().Reliable() { // over UDP the phone's own 24 to 29 s are better than anything longer (section 4.4.2)
			res.AppendHeader(r.fixed.flowTimer)
		}
	}
	res.AppendHeader(gosip.NewHeader("Date", now.UTC().Format(dateForm)))
	res.AppendHeader(r.fixed.length)
	return res
}

// gruus are the parameters by which a phone learns its GRUUs (RFC 5627 section 5.3): none without an instance.
func (r *Registrar) gruus(a *account.Account, b *location.Binding) string {
	if r.config.GRUU == nil || b.Instance == "" || a.Number == "" {
		return ""
	}
	return `;pub-gruu="` + r.config.GRUU.Public(a.Number, b.Instance) + `";temp-gruu="` + r.config.GRUU.Temporary(a.ID, *b) + `"`
}
