package session

import (
	"errors"
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
	Account        account.ID // of the caller, whose limit counts
	Caller, Callee account.Kind
	From           *transport.Flow
	To             []*transport.Flow // of every phone that may ring
	Message        header.Message
	Body           []byte
}

// The refusals of calls that would have to be relayed.
var (
	// ErrNoPorts: there are no ports left.
	ErrNoPorts = reply.New(503, "Service Unavailable")
	// ErrTooMany: the caller has as many lines relayed as one account may have.
	ErrTooMany = reply.New(403, "Too Many Calls", reply.Reason(21, "too many relayed calls"))
)

// Open returns the way of a call's media, nil when it flows between the phones, or an error that refuses the call.
func (s *Sessions) Open(in Invite) (dialog.Media, error) {
	if !s.wanted(in) {
		return nil, nil
	}
	w := &way{sessions: s}
	var err error
	terms := relay.Terms{ICE: s.mode(in.Caller, in.Callee) == Auto || webRTC(offer(in)), Owner: string(in.Account), Silent: w.silent}
	w.call, err = s.deps.Relay.Open(offer(in), terms)
	switch {
	case errors.Is(err, relay.ErrTooMany):
		return nil, ErrTooMany.Because(err)
	case err != nil:
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
