package session

import (
	"log/slog"
	"math"
	"net/netip"
	"strings"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/media/relay"
	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/reply"
	"sipward/sip/transport"
)

// Config says whose media is relayed; zero values mean [Auto] for everybody.
type Config struct {
	Mode    func(account.Kind) Mode // media.relay and its overrides; nil: Auto
	Across  bool                    // media.relay_across_nodes: Auto relays calls between nodes, too
	Address netip.Addr              // put into descriptions; zero: the address the receiver reached us by
}

// Deps of sessions.
type Deps struct {
	Relay *relay.Relay
	Log   *slog.Logger
}

// Sessions opens the way of calls' media. It is safe for concurrent use.
type Sessions struct {
	config Config
	deps   Deps
}

// New makes sessions.
func New(c Config, d Deps) *Sessions {
	if c.Mode == nil {
		c.Mode = func(account.Kind) Mode { return Auto }
	}
	return &Sessions{config: c, deps: d}
}

// Invite is a call about to go out.
type Invite struct {
	Caller, Callee account.Kind
	From           *transport.Flow
	To             []*transport.Flow // of every phone that may ring
	Message        header.Message
	Body           []byte
}

// ErrNoPorts: the call would have to be relayed, and there are no ports left.
var ErrNoPorts = reply.New(503, "Service Unavailable")

// Open returns the way of a call's media, nil when it flows between the phones, or an error that refuses the call.
func (s *Sessions) Open(in Invite) (dialog.Media, error) {
	if !s.wanted(in) {
		return nil, nil
	}
	w := &way{sessions: s}
	var err error
	if w.call, err = s.deps.Relay.Open(offer(in), s.mode(in.Caller, in.Callee) == Auto, w.silent); err != nil {
		return nil, ErrNoPorts.With(reply.RetryAfter()).Because(err)
	}
	return w, nil
}

func offer(in Invite) []byte {
	if isSDP(in.Message) {
		return in.Body
	}
	return nil
}

func isSDP(m header.Message) bool {
	kind, _, _ := strings.Cut(header.First(m, "content-type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/sdp")
}

// way is one call's way through the relay.
type way struct {
	sessions *Sessions
	call     *relay.Call
	end      func(dialog.Reason) // set by Begin
}

var _ dialog.Media = (*way)(nil)

// Begin implements dialog.Media.
func (w *way) Begin(end func(dialog.Reason)) { w.end = end }

// Answered implements dialog.Media.
func (w *way) Answered() { w.call.Answered() }

// Pass implements dialog.Media.
func (w *way) Pass(p dialog.Passage) []byte {
	if !isSDP(p.Message) {
		return p.Body
	}
	from := relay.Origin{Side: relay.Callee, Host: p.From.Remote().Addr()}
	if p.FromCaller {
		from.Side = relay.Caller
	}
	body, err := w.call.Pass(from, w.sessions.address(p), p.Body)
	if err != nil {
		w.sessions.deps.Log.Warn("description not relayed as it is", "from", p.From.Remote(), "err", err)
	}
	return body
}

// address is what a description names to its receiver. A phone of another node has reached that node; for it, and for want
// of better, it is the address that the sender has reached us by.
func (s *Sessions) address(p dialog.Passage) netip.Addr {
	switch {
	case s.config.Address.IsValid():
		return s.config.Address
	case p.To.Peer() == "" && p.To.Local().Addr().IsValid():
		return p.To.Local().Addr()
	}
	return p.From.Local().Addr()
}

// End implements dialog.Media.
func (w *way) End(r *call.Record) {
	report := w.call.Close()
	if report.Caller.Packets+report.Callee.Packets > 0 {
		r.Media = &call.Media{Caller: sent(report.Caller), Callee: sent(report.Callee)}
	}
}

func sent(h relay.Heard) call.Sent {
	return call.Sent{
		Packets: h.Packets, Bytes: h.Bytes, Lost: h.Lost, JitterMS: rounded(h.Jitter), MOS: rounded(h.MOS),
		RTTMS: rounded(h.RTT), HeardLost: rounded(h.Missed),
	}
}

// rounded keeps two digits: nothing is measured better than that.
func rounded(x float64) float64 { return math.Round(100*x) / 100 }

// silent ends a call whose phones have both stopped sending: they are gone, and the call would stay up, and be paid for,
// until somebody hangs up.
func (w *way) silent() {
	w.end(dialog.Reason{Code: 408, Phrase: "Request Timeout", Cause: 41, Text: "no media"})
}
