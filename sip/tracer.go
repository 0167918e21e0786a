package sip

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/trace"
	"sipward/sip/transport"
)

// Traces says of which accounts the messages are to be recorded, and takes them; Add must not block.
type Traces interface {
	Running(ctx context.Context) ([]trace.Trace, error)
	Add(trace.Message)
}

// tracesFresh is how often the node looks which traces run, whatever the change stream says.
const tracesFresh = 30 * time.Second

// tracer records the messages of the accounts that are traced. While there are none, a message costs one atomic load on its
// way in and one on its way out: there is no wire, and no tap.
type tracer struct {
	to    Traces // nil: nothing is ever traced
	layer *transport.Layer
	node  string
	now   func() time.Time
	log   *slog.Logger

	ask  chan struct{} // one slot: look which traces run
	wire atomic.Pointer[wire]
}

func newTracer(s *Server) *tracer {
	return &tracer{to: s.deps.Traces, layer: s.layer, node: s.config.Node, now: s.deps.Now, log: s.log, ask: make(chan struct{}, 1)}
}

// changed has run look again when a trace begins or ends.
func (t *tracer) changed(c account.Change) {
	if c.Topic != account.TopicTrace {
		return
	}
	select {
	case t.ask <- struct{}{}:
	default:
	}
}

// run keeps the wire as the store says, until ctx ends. A trace that began while the store was away begins when it is back.
func (t *tracer) run(ctx context.Context) error {
	if t.to == nil {
		return nil
	}
	defer t.follow(nil)
	tick := time.NewTicker(tracesFresh)
	defer tick.Stop()
	for {
		t.look(ctx)
		select {
		case <-t.ask:
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (t *tracer) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	running, err := t.to.Running(ctx)
	if err != nil {
		t.log.Debug("traces not readable, those that are known go on to their end", "err", err)
		return
	}
	t.follow(running)
}

// follow traces these and no others; one that ran before goes on with what it knows.
func (t *tracer) follow(running []trace.Trace) {
	if len(running) == 0 {
		t.wire.Store(nil)
		t.layer.Tap(nil)
		return
	}
	w := newWire(running, t.wire.Load())
	t.wire.Store(w)
	tap := transport.Tap(t.sent)
	t.layer.Tap(&tap)
}

// received is told of every message that this node handles.
func (t *tracer) received(f *transport.Flow, m gosip.Message) {
	w := t.wire.Load()
	if w == nil {
		return
	}
	_ = t.layer.Render(m, func(text []byte) error { // what cannot be written has no place in a ladder either
		t.record(w, f, false, text)
		return nil
	})
}

func (t *tracer) sent(f *transport.Flow, text []byte) {
	if w := t.wire.Load(); w != nil {
		t.record(w, f, true, text)
	}
}

// record hands a message to each trace it belongs to.
func (t *tracer) record(w *wire, f *transport.Flow, sent bool, text []byte) {
	now := t.now()
	h := trace.Read(text)
	for _, of := range w.traces {
		if !of.takes(h, now) {
			continue
		}
		m := trace.Message{
			Trace: of.order.ID, Account: of.order.Account, At: now.UTC(), Node: t.node, Sent: sent, Network: string(f.Network()), Peer: f.Remote().String(),
			Party: h.Party(sent), Own: h.Own(of.order.Names, sent), CallID: h.CallID, CSeq: h.CSeq, Text: trace.Clean(text),
		}
		m.Start, _, _ = strings.Cut(m.Text, "\r\n") // cleaned, too
		if of.counts(len(m.Text)) {
			t.to.Add(m)
		}
	}
}

// Tracing is the number of traces that this node records for.
func (s *Server) Tracing() int {
	w := s.tracer.wire.Load()
	if w == nil {
		return 0
	}
	return len(w.traces)
}
