package tx_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a flow in memory: what goes out is kept with its time, and handed on when somebody listens.
type wire struct {
	id   transport.ID
	net  transport.Network
	dead atomic.Bool
	out  func(gosip.Message) // may be nil

	mu   sync.Mutex
	sent []packet
}

type packet struct {
	at  time.Time
	msg gosip.Message
}

func newWire(id string, net transport.Network) *wire {
	return &wire{id: transport.ID(id), net: net}
}

func (w *wire) ID() transport.ID           { return w.id }
func (w *wire) Network() transport.Network { return w.net }
func (w *wire) Alive() bool                { return !w.dead.Load() }

func (w *wire) Send(b []byte) error {
	if w.dead.Load() {
		return errors.New("closed")
	}
	m, err := gosip.ParseMessage(b)
	if err != nil {
		return fmt.Errorf("what the table sends must parse: %w\n%s", err, b)
	}
	w.mu.Lock()
	w.sent = append(w.sent, packet{time.Now(), m})
	w.mu.Unlock()
	if w.out != nil {
		w.out(m)
	}
	return nil
}

// log lists what went out as "180@0s", or "INVITE@500ms", with the times since start.
func (w *wire) log(start time.Time) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s []string
	for _, p := range w.sent {
		s = append(s, fmt.Sprintf("%s@%v", name(p.msg), p.at.Sub(start)))
	}
	return strings.Join(s, " ")
}

// names lists what went out, without times.
func (w *wire) names() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s []string
	for _, p := range w.sent {
		s = append(s, name(p.msg))
	}
	return strings.Join(s, " ")
}

func (w *wire) last() gosip.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sent) == 0 {
		return nil
	}
	return w.sent[len(w.sent)-1].msg
}

func name(m gosip.Message) string {
	switch m := m.(type) {
	case *gosip.Request:
		return string(m.Method)
	case *gosip.Response:
		return fmt.Sprint(m.StatusCode)
	}
	return "?"
}

// user is a transaction user made of functions; a missing one does nothing.
type user struct {
	request func(*tx.Server)
	cancel  func(*tx.Server, *gosip.Request)
	ack     func(*gosip.Request)
	stray   func(*gosip.Response)
	closed  func(error)
}

func (u *user) Request(s *tx.Server) {
	if u.request != nil {
		u.request(s)
	}
}

func (u *user) Cancel(s *tx.Server, r *gosip.Request) {
	if u.cancel != nil {
		u.cancel(s, r)
	}
}

func (u *user) Ack(_ *transport.Flow, r *gosip.Request) {
	if u.ack != nil {
		u.ack(r)
	}
}

func (u *user) Stray(_ *transport.Flow, r *gosip.Response) {
	if u.stray != nil {
		u.stray(r)
	}
}

func (u *user) Closed(_ *transport.Flow, err error) {
	if u.closed != nil {
		u.closed(err)
	}
}

func newTable(t testing.TB, u *user) *tx.Table {
	t.Helper()
	tb := tx.New(tx.Config{}, tx.Deps{}, u)
	t.Cleanup(tb.Close)
	return tb
}

// text is a request as a phone would write it; extra headers end in CRLF.
func text(method, branch string, extra ...string) string {
	return strings.Join([]string{
		method + " sip:bob@example.com SIP/2.0",
		"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK" + branch + ";rport=5060;received=10.0.0.1",
		"Max-Forwards: 70", "From: <sip:alice@example.com>;tag=f", "To: <sip:bob@example.com>", "Call-ID: c-" + branch,
		"CSeq: 1 " + method, strings.Join(extra, "") + "Content-Length: 0", "", "",
	}, "\r\n")
}

func parse(t testing.TB, s string) gosip.Message {
	t.Helper()
	m, err := gosip.ParseMessage([]byte(s))
	if err != nil {
		t.Fatalf("test message: %v\n%s", err, s)
	}
	return m
}

func request(t testing.TB, method, branch string, extra ...string) *gosip.Request {
	t.Helper()
	return parse(t, text(method, branch, extra...)).(*gosip.Request)
}

// answer is a peer's response to r with a tag of its own.
func answer(t testing.TB, r *gosip.Request, code int, tag string) *gosip.Response {
	t.Helper()
	res := gosip.NewResponseFromRequest(r, code, "Some", nil)
	if to := res.To(); to != nil && code != 100 {
		to.Params.Add("tag", tag)
	}
	return parse(t, res.String()).(*gosip.Response)
}

// told collects what a client transaction tells, as "180 200" or "timeout".
type told struct {
	mu sync.Mutex
	s  []string
}

func (o *told) on(res *gosip.Response, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case res != nil:
		tag, _ := res.To().Params.Get("tag")
		o.s = append(o.s, fmt.Sprintf("%d/%s", res.StatusCode, tag))
	case errors.Is(err, tx.ErrTimeout):
		o.s = append(o.s, "timeout")
	case errors.Is(err, tx.ErrTransport):
		o.s = append(o.s, "transport")
	default:
		o.s = append(o.s, fmt.Sprint(err))
	}
}

func (o *told) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.s, " ")
}

func want(t testing.TB, what, got, wanted string) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s:\n got  %s\n want %s", what, got, wanted)
	}
}

func wantNone(t testing.TB, tb *tx.Table) {
	t.Helper()
	live, ended, past, calls, _ := tb.Kept()
	if live+ended+past+calls+tb.Alarms()+tb.Live()+tb.Held() != 0 {
		t.Errorf("the table should be empty: live %d, ended %d, answers %d, clients %d, alarms %d, Live %d, held %d",
			live, ended, past, calls, tb.Alarms(), tb.Live(), tb.Held())
	}
}
