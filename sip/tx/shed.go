package tx

import (
	"log/slog"
	"slices"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/reply"
)

// class is how much a request is worth when not all can be served.
type class int

const (
	other    class = iota // OPTIONS, SUBSCRIBE, PUBLISH and what else has no dialog
	register              // REGISTER without credentials: the sender is yet unknown
	invite                // a new INVITE or MESSAGE
	refresh               // REGISTER with credentials
	inside                // in a dialog, and BYE wherever it came from
)

var classNames = [...]string{"other", "register", "invite", "refresh", "dialog"}

// room is the part of Config.Max, in percent, up to which a class is let in. What ends or continues a call has a
// reserve; it is not unlimited, because a To tag is easily forged.
var room = [...]int{70, 80, 90, 100, 125}

func classify(r *gosip.Request) class {
	if r.Method == gosip.BYE || r.Method == gosip.PRACK {
		return inside
	}
	if to := r.To(); to != nil && to.Params.Has("tag") {
		return inside
	}
	switch r.Method {
	case gosip.INVITE, gosip.MESSAGE:
		return invite
	case gosip.REGISTER:
		if signed(r) {
			return refresh
		}
		return register
	}
	return other
}

// signed reports credentials, right or wrong: they cost the sender a round trip, not more.
func signed(r *gosip.Request) bool {
	return slices.ContainsFunc(r.Headers(), func(h gosip.Header) bool { return strings.EqualFold(h.Name(), "Authorization") })
}

// crowded names the reason for which a request of the class is not let in, or "".
func (t *Table) crowded(r *gosip.Request, c class) string {
	if t.held.Load() >= whole*int64(t.max)*int64(room[c])/100 {
		return classNames[c]
	}
	if t.draining.Load() && c != inside && r.Method == gosip.INVITE {
		return "drain"
	}
	return ""
}

// perFlow is how many requests of the class a stream flow may have in flight: those of a dialog have a reserve, so that
// a phone which is over its limit can still hang up.
func (t *Table) perFlow(c class) int {
	if c == inside {
		return 2 * t.flowMax
	}
	return t.flowMax
}

// shed answers 503 without keeping anything; Retry-After is spread so that the crowd does not come back at once.
func (t *Table) shed(f flow, r *gosip.Request, k key, why string) {
	t.m.shed.WithLabelValues(why).Inc()
	t.lines.Log(t.life, t.log, slog.LevelWarn, "shed "+why, "tx: requests are refused for want of room",
		slog.String("why", why), slog.Int64("held", t.held.Load()/whole), slog.Int("max", t.max))
	t.stateless(f, r, 503, "Service Unavailable", k, reply.RetryAfter())
}

// stateless answers a request that has no transaction. A failed write is the sender's loss: there is nobody to tell.
func (t *Table) stateless(f flow, r *gosip.Request, code int, phrase string, k key, headers ...gosip.Header) {
	raw, err := t.renderReply(r, code, phrase, t.keys.tag(k), headers)
	if err != nil {
		return
	}
	_ = f.Send(raw.Bytes())
	t.recycle(raw)
}
