package registrar

import (
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/location"
	"sipward/sip/transport"
)

// answer is the 200: every binding that stands, with the time it has left (RFC 3261 section 10.3 step 8). The To tag is
// the transaction's to stamp.
func (r *Registrar) answer(req *gosip.Request, f *transport.Flow, o *order, set location.Set, now time.Time) *gosip.Response {
	res := gosip.NewResponse(gosip.StatusOK, "OK")
	for _, h := range req.Headers() {
		if _, ok := h.(*gosip.ViaHeader); ok {
			res.AppendHeader(gosip.HeaderClone(h))
		}
	}
	res.AppendHeader(gosip.HeaderClone(req.From()))
	res.AppendHeader(gosip.HeaderClone(req.To()))
	res.AppendHeader(gosip.HeaderClone(req.CallID()))
	res.AppendHeader(gosip.HeaderClone(req.CSeq()))
	for i := range set.Bindings {
		if left := set.Bindings[i].Expires.Sub(now); left > 0 {
			seconds := max(int(left/time.Second), 1)
			res.AppendHeader(gosip.NewHeader("Contact", set.Bindings[i].Contact+";expires="+strconv.Itoa(seconds)))
		}
	}
	if len(o.path) > 0 { // RFC 3327 section 5.3
		res.AppendHeader(gosip.NewHeader("Path", strings.Join(o.path, ", ")))
	}
	res.AppendHeader(gosip.NewHeader("Supported", "path, outbound"))
	if o.outbound { // RFC 5626 section 6
		res.AppendHeader(gosip.NewHeader("Require", "outbound"))
		if f.Network().Reliable() { // over UDP the phone's own 24 to 29 s are better than anything longer (section 4.4.2)
			res.AppendHeader(gosip.NewHeader("Flow-Timer", strconv.Itoa(int(r.config.FlowTimer/time.Second))))
		}
	}
	res.AppendHeader(gosip.NewHeader("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
	res.SetBody(nil)
	return res
}
