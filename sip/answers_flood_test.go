package sip_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/sip"
)

// flood is a call of which the phone sends many answers.
type flood struct {
	*rig
	t       *testing.T
	counted *prometheus.Registry
	alice   *socket
	bob     *socket
	invite  string
}

func newFlood(t *testing.T) *flood {
	f := &flood{t: t, counted: prometheus.NewRegistry()}
	f.rig = serve(t, func(_ *sip.Config, d *sip.Deps) { d.Metrics = f.counted })
	f.bob = f.socket(t)
	f.alice = f.invited(t, f.bob)
	f.invite = f.bob.until("INVITE ")
	return f
}

func (f *flood) answer(status, tag string) {
	f.bob.write(answer(f.invite, status, ";tag="+tag, "Contact: <sip:1002@"+f.bob.LocalAddr().String()+">\r\n"))
}

// read waits until all that the phone has sent was read: its messages are read in their order.
func (f *flood) read() {
	f.bob.write("OPTIONS sip:" + domain + " SIP/2.0\r\nVia: SIP/2.0/UDP " + f.bob.LocalAddr().String() + ";branch=z9hG4bKread;rport\r\nMax-Forwards: 70\r\n" +
		"From: <sip:1002@" + domain + ">;tag=r\r\nTo: <sip:" + domain + ">\r\nCall-ID: read\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
	f.bob.until("SIP/2.0 ")
}

func (f *flood) live() float64 { return gauge(f.t, f.counted, "sipward_transactions_active") }

// A phone answers one INVITE under ever new tags, early and late: the call has a bounded number of legs, an answer still
// finds room among rings, and the end of the call is told to a bounded number.
func TestAnswersUnderEverNewTags(t *testing.T) {
	t.Parallel()
	f := newFlood(t)
	for i := range 100 {
		f.answer("180 Ringing", fmt.Sprint("ring", i))
	}
	for i := range 100 {
		f.answer("200 OK", fmt.Sprint("answer", i))
	}
	f.alice.until("SIP/2.0 200")
	f.read()
	callee, err := f.store.Accounts.ByNumber(t.Context(), "1002")
	must(t, err)
	(&line{Account: callee, r: f.rig}).disable(t)
	f.bob.until("BYE ")
	eventually(t, "over", func() bool { return len(f.Calls()) == 0 })
	if n := f.live(); n > 64 {
		t.Errorf("%v live transactions at the end of one call", n)
	}
}

// A phone repeats its 200 when the call is over: it hears one BYE for it, and an ACK each time.
func TestAnswersRepeatedAfterTheEnd(t *testing.T) {
	t.Parallel()
	f := newFlood(t)
	f.answer("200 OK", "one")
	ok := f.alice.until("SIP/2.0 200")
	f.alice.write(within("ACK", ok, "call"))
	f.alice.write(within("BYE", ok, "call"))
	f.bob.write(answer(f.bob.until("BYE "), "200 OK", "", ""))
	f.alice.until("SIP/2.0 200")
	for range 100 {
		f.answer("200 OK", "one")
	}
	f.bob.until("ACK ")
	for i := range 100 {
		f.answer("200 OK", fmt.Sprint("new", i))
	}
	f.read()
	if n := f.live(); n > 8 {
		t.Errorf("%v live transactions after answers that nobody wants", n)
	}
}
