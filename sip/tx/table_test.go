package tx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

func TestClosedFlow(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	o := &told{}
	order := ""
	tb := newTable(t, &user{
		request: func(x *tx.Server) { s = x },
		closed:  func(err error) { order = o.String() + " then " + err.Error() },
	})
	w := newWire("w", transport.TLS)
	tb.ReceiveOn(w, request(t, "INVITE", "in"))
	ctx := s.Context()
	derived, stop := context.WithCancel(ctx)
	defer stop()
	if _, err := tb.Call(w, request(t, "INVITE", "out"), o.on); err != nil {
		t.Fatal(err)
	}
	w.dead.Store(true)
	tb.CloseFlow(w, errors.New("reset"))
	want(t, "clients fail before the user hears of the flow", order, "transport then reset")
	if ctx.Err() == nil || derived.Err() == nil {
		t.Error("the server's context ends with its flow")
	}
	if err := s.Reply(200, "OK"); !errors.Is(err, tx.ErrTransport) {
		t.Errorf("answer after the end: %v", err)
	}
	if _, err := tb.Call(w, request(t, "INVITE", "late"), o.on); !errors.Is(err, tx.ErrTransport) {
		t.Errorf("request on a dead flow: %v", err)
	}
	wantNone(t, tb)
	if _, _, _, _, flows := tb.Kept(); flows != 0 {
		t.Errorf("%d flows remembered after their end", flows)
	}
}

func TestClosedFlowEndsAnsweredInvite(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	tb := newTable(t, &user{request: func(x *tx.Server) { s = x; _ = x.Reply(200, "OK") }})
	w := newWire("w", transport.TLS)
	tb.ReceiveOn(w, request(t, "INVITE", "in"))
	if s.Context().Err() != nil {
		t.Error("more 2xx may follow")
	}
	w.dead.Store(true)
	tb.CloseFlow(w, errors.New("reset"))
	if s.Context().Err() == nil {
		t.Error("the context outlives its flow")
	}
	wantNone(t, tb)
}

func TestFailedWrite(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{})
	w, o := &halfDead{newWire("w", transport.TLS)}, &told{}
	if _, err := tb.Call(w, request(t, "INVITE", "x"), o.on); !errors.Is(err, tx.ErrTransport) {
		t.Errorf("error %v, want ErrTransport", err)
	}
	want(t, "told", o.String(), "")
	wantNone(t, tb)
}

// halfDead says it lives and cannot write.
type halfDead struct{ *wire }

func (halfDead) Send([]byte) error { return errors.New("broken pipe") }

func TestBranchOfOurOwn(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{})
	w, o := newWire("w", transport.UDP), &told{}
	if _, err := tb.Call(w, request(t, "OPTIONS", "x"), o.on); err != nil {
		t.Fatal(err)
	}
	if _, err := tb.Call(w, request(t, "OPTIONS", "x"), o.on); !errors.Is(err, tx.ErrBranch) {
		t.Errorf("a used branch: %v", err)
	}
	noCookie := parse(t, strings.Replace(text("OPTIONS", "x"), "z9hG4bK", "", 1)).(*gosip.Request)
	if _, err := tb.Call(w, noCookie, o.on); !errors.Is(err, tx.ErrBranch) {
		t.Errorf("no cookie: %v", err)
	}
	if a, b := tx.Branch(), tx.Branch(); a == b || !strings.HasPrefix(a, "z9hG4bK") {
		t.Errorf("Branch() = %q, %q", a, b)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	n := 0
	tb := tx.New(tx.Config{}, tx.Deps{}, &user{request: func(x *tx.Server) { n++; s = x }})
	w, o := newWire("w", transport.UDP), &told{}
	tb.ReceiveOn(w, request(t, "INVITE", "in"))
	ctx := s.Context()
	if _, err := tb.Call(w, request(t, "INVITE", "out"), o.on); err != nil {
		t.Fatal(err)
	}
	tb.Close()
	tb.Close()
	if ctx.Err() == nil {
		t.Error("contexts end")
	}
	want(t, "told", o.String(), "transport")
	tb.ReceiveOn(w, request(t, "INVITE", "late"))
	if n != 1 {
		t.Error("nothing comes in after Close")
	}
	if _, err := tb.Call(w, request(t, "INVITE", "out2"), o.on); !errors.Is(err, tx.ErrTransport) {
		t.Errorf("Request after Close: %v", err)
	}
	wantNone(t, tb)
}

// F21, R1: a panic of the user is answered 500, counted, and logged once a second; nobody else notices.
func TestPanics(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	boom := func() { panic("boom") }
	tb := tx.New(tx.Config{}, tx.Deps{Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: reg}, &user{
		request: func(*tx.Server) { boom() },
		ack:     func(*gosip.Request) { boom() },
		stray:   func(*gosip.Response) { boom() },
		closed:  func(error) { boom() },
	})
	defer tb.Close()
	w := newWire("w", transport.UDP)
	for i := range 5 {
		tb.ReceiveOn(w, request(t, "OPTIONS", fmt.Sprint(i)))
	}
	want(t, "each is answered", w.names(), "500 500 500 500 500")
	r := request(t, "INVITE", "out")
	if _, err := tb.Call(w, r, func(*gosip.Response, error) { boom() }); err != nil {
		t.Fatal(err)
	}
	tb.ReceiveOn(w, answer(t, r, 180, "x"))
	tb.ReceiveOn(w, request(t, "ACK", "a"))
	tb.ReceiveOn(w, answer(t, request(t, "INVITE", "s"), 200, "x"))
	tb.CloseFlow(w, nil)
	if n := strings.Count(log.String(), "in=request"); n != 1 {
		t.Errorf("%d lines about request, want one a second", n)
	}
	for in, n := range map[string]float64{"ack": 1, "closed": 1, "request": 5, "response": 1, "stray": 1} {
		if got := counter(t, reg, "sipward_tx_panics_total", in); got != n {
			t.Errorf("panics in %s: %v, want %v", in, got, n)
		}
	}
}

// counter is the value of the metric whose one label is value.
func counter(t *testing.T, reg *prometheus.Registry, name, value string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == value {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
