package proxy

import (
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/dialog"
	"sipward/sip/header"
)

// The lives of subscriptions that do not tell.
const (
	subscribeLife = time.Hour       // an Expires left out: most event packages default to it
	referLife     = 3 * time.Minute // of the subscription that a REFER implies: until the target has answered
)

// subscription is how long the subscription lives that was granted by a 2xx with this Expires.
func subscription(m gosip.RequestMethod, expires string) time.Duration {
	if n, err := strconv.ParseUint(strings.TrimSpace(expires), 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	if m == gosip.REFER {
		return referLife
	}
	return subscribeLife
}

// granted follows the subscriptions within a dialog: begun or refreshed by a 2xx.
func granted(d *dialog.Dialog, req *gosip.Request, res *gosip.Response) {
	switch req.Method {
	case gosip.SUBSCRIBE, gosip.REFER:
		d.Subscribed(subscription(req.Method, header.First(res, "expires")))
	}
}

// notified follows the subscription that a NOTIFY tells about (RFC 6665 section 4.1.3).
func notified(d *dialog.Dialog, req *gosip.Request) {
	if req.Method != gosip.NOTIFY {
		return
	}
	state, params, _ := strings.Cut(header.First(req, "subscription-state"), ";")
	if strings.EqualFold(strings.TrimSpace(state), "terminated") {
		d.Subscribed(0)
		return
	}
	for _, p := range strings.Split(params, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, "expires") {
			d.Subscribed(subscription(gosip.REFER, v))
		}
	}
}
