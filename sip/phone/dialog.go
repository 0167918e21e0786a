package phone

import (
	"slices"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// dialog is one side's view of a dialog (RFC 3261 section 12). Its fields are guarded by Call.mu.
type dialog struct {
	callID        string
	localTag      string
	remoteTag     string
	local, remote string // From and To values without tags
	target        string // the remote target
	routes        []string
	localSeq      uint32
	remoteSeq     uint32
	flow          *flow
	prackSeq      uint32 // the last RSeq acknowledged (RFC 3262)
}

// dialogOf makes the caller's side from a response (RFC 3261 section 12.1.2): Record-Route in reverse order.
func dialogOf(d dialog, r *gosip.Response) *dialog {
	d.remoteTag = tagOf(Header(r, "To"))
	d.routes = list(Headers(r, "Record-Route"))
	slices.Reverse(d.routes)
	d.retarget(r)
	return &d
}

// retarget takes a new remote target from a response or request that may carry one (RFC 3261 section 12.2).
func (d *dialog) retarget(m gosip.Message) {
	if contacts := list(Headers(m, "Contact")); len(contacts) > 0 {
		d.target = address(contacts[0])
	}
}

// route is the Request-URI and the Route fields of a request within the dialog: loose, or strict when the first route
// has no lr parameter (RFC 3261 section 12.2.1.1).
func (d *dialog) route() (uri string, fields []field) {
	uri = d.target
	routes := d.routes
	if len(routes) > 0 && !isLoose(routes[0]) {
		uri = address(routes[0])
		routes = append(slices.Clone(routes[1:]), "<"+d.target+">")
	}
	for _, r := range routes {
		fields = append(fields, field{"Route", r})
	}
	return uri, fields
}

func isLoose(route string) bool {
	_, params, _ := strings.Cut(address(route), ";")
	for _, p := range strings.Split(params, ";") {
		if name, _, _ := strings.Cut(p, "="); strings.EqualFold(name, "lr") {
			return true
		}
	}
	return false
}

// draft is a request within the dialog. seq is called with the next CSeq's owner locked out, by the call.
func (d *dialog) draft(method string, seq func() uint32, more ...field) draft {
	uri, fields := d.route()
	remote := d.remote
	if d.remoteTag != "" {
		remote += ";tag=" + d.remoteTag
	}
	fields = append(fields, field{"From", d.local + ";tag=" + d.localTag}, field{"To", remote}, field{"Call-ID", d.callID})
	return draft{method: method, uri: uri, fields: append(fields, more...), seq: seq}
}
