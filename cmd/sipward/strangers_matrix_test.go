package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// operation is what a phone does in one of the matrix's operations.
type operation string

// The operations of the matrix. A call has a hold and a resumption in it; a transfer sends the callee to a third phone.
const (
	opCall     operation = "call"
	opTransfer operation = "transfer"
	opBusy     operation = "busy"
	opDecline  operation = "decline"
	opNoAnswer operation = "noanswer"
	opCancel   operation = "cancel"
	opMessage  operation = "message"
)

// stranger is a registered foreign phone. Its methods fail the test; each side has a goroutine of its own.
type stranger interface {
	calls(op operation, number string) // plays the caller's side to its end
	takes(op operation)                // plays the callee's side to its end
	ready(op operation)                // prepares for takes, so that nothing comes too early
	can(op operation, caller bool) bool
}

// Real phones as strangers to each other: each pair, over TLS and over UDP, both ways: register, call, hold, blind transfer,
// busy, decline, no answer, cancel, message.
func TestStrangersMatrix(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.SIP.RingTime = 4 * time.Second
	c.SIP.DigestMD5Agents = append(c.SIP.DigestMD5Agents, "sipp")
	c.Limits.Exempt = []string{"127.0.0.0/8"}
	s := start(t, c)
	group := s.group()
	kinds := []string{"baresip", "linphone", "sipp"}
	number := 6000
	for _, network := range []transport.Network{transport.UDP, transport.TLS} {
		for i, from := range kinds {
			for _, to := range kinds[i:] {
				number += 10
				a, b, c := s.line(group, fmt.Sprint(number)), s.line(group, fmt.Sprint(number+1)), s.line(group, fmt.Sprint(number+2))
				t.Run(fmt.Sprintf("%s and %s over %s", from, to, network), func(t *testing.T) {
					t.Parallel()
					siptest.Strangers(t, func(t testing.TB) {
						s := &server{t: t, n: s.n, api: s.api}
						x, y := s.stranger(from, a, network), s.stranger(to, b, network)
						target := s.phone(c, muted, func(c *phone.Config) { c.SRTP = phone.SRTPOff })
						all := []operation{opCall, opBusy, opDecline, opCancel, opMessage, opTransfer}
						s.pair(x, y, a, b, target, append(all, opNoAnswer))
						if from != to {
							s.pair(y, x, b, a, target, all)
						}
					})
				})
			}
		}
	}
}

// pair plays the operations with x as the caller.
func (s *server) pair(x, y stranger, a, b line, target *phone.Phone, all []operation) {
	t := s.t
	for _, op := range all {
		if !x.can(op, true) || !y.can(op, false) {
			continue
		}
		began := time.Now()
		if op == opTransfer {
			go takeTransferred(t, target)
		}
		y.ready(op)
		callee := make(chan struct{})
		go func() {
			defer close(callee)
			y.takes(op)
		}()
		x.calls(op, b.Number)
		<-callee
		if t.Failed() {
			t.Fatalf("%s calls %s: %s failed", a.Number, b.Number, op)
		}
		t.Logf("%s calls %s: %s, %s", a.Number, b.Number, op, time.Since(began).Round(time.Millisecond))
	}
}

// takeTransferred answers a call and ends it.
func takeTransferred(t testing.TB, p *phone.Phone) {
	c, err := p.Incoming(siptest.Within(t))
	if err == nil {
		err = c.Answer()
	}
	if err == nil { // baresip does not know of its call before it has acknowledged it
		_, err = p.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool {
			return !e.Out && strings.HasPrefix(e.First(), "ACK ") && bytes.Contains(e.Raw, []byte("\r\nCall-ID: "+c.ID()+"\r\n")) // of this call, not of one before
		})
	}
	if err == nil {
		err = c.Hangup(siptest.Within(t))
	}
	if err != nil {
		t.Errorf("the target of the transfer: %v", err)
	}
}

// stranger starts a phone of a kind for a line.
func (s *server) stranger(kind string, l line, network transport.Network) stranger {
	switch kind {
	case "baresip":
		return &baresipStranger{s.t, s.baresip(l, network, func(c *siptest.BaresipConfig) { c.Enc, c.Answer = "", "manual" }), 0}
	case "linphone":
		return &linphoneStranger{s.t, siptest.Linphone(s.t, siptest.LinphoneConfig{
			User: l.User, Password: l.Password, Domain: realm, Server: s.addr(network), Transport: string(network), CAFile: s.n.files.CA, Manual: true,
		}), 0}
	}
	return newSippStranger(s, l, network)
}

// baresipStranger plays with baresip. Its only refusal is 486, and the release of Debian sends no messages.
type baresipStranger struct {
	t testing.TB
	*siptest.BaresipPhone
	seen int // bytes of its log that are dealt with
}

func (b *baresipStranger) can(op operation, caller bool) bool {
	if caller {
		return op != opMessage
	}
	return op != opDecline
}

func (b *baresipStranger) ready(operation) { b.seen = len(b.Log()) }

func (b *baresipStranger) calls(op operation, number string) {
	b.seen = len(b.Log())
	b.Dial("sip:" + number + "@" + realm)
	switch op {
	case opCall:
		b.Expect("CALL_ESTABLISHED")
		b.Command("hold", "")
		held := []string{"a=sendonly", "SIP/2.0 200 ", "ACK "}
		b.shows(held...)
		b.Command("resume", "")
		b.shows(append(held, "INVITE ", "SIP/2.0 200 ", "ACK ")...)
		b.Hangup()
	case opTransfer:
		b.Expect("CALL_ESTABLISHED")
		b.Command("transfer", "sip:"+transferTarget(number)+"@"+realm)
	case opCancel:
		b.Expect("CALL_RINGING")
		b.Hangup()
	case opBusy, opDecline, opNoAnswer:
		want := map[operation]string{opBusy: "486", opDecline: "603", opNoAnswer: "480"}[op]
		if e := b.Expect("CALL_CLOSED"); !strings.HasPrefix(e.Param, want) {
			b.t.Errorf("baresip's call ended with %q, want %s", e.Param, want)
		}
		return
	}
	b.Expect("CALL_CLOSED")
}

// transferTarget is the third phone of the pair that a number belongs to.
func transferTarget(number string) string { return number[:len(number)-1] + "2" }

func (b *baresipStranger) takes(op operation) {
	if op == opMessage {
		b.shows("hello from ")
		return
	}
	b.Expect("CALL_INCOMING")
	switch op {
	case opCall:
		b.Accept()
		b.Expect("CALL_ESTABLISHED")
	case opTransfer: // its call to the target begins before the first one ends
		b.Accept()
		b.Expect("CALL_ESTABLISHED")
		b.Expect("CALL_ESTABLISHED")
		b.Expect("CALL_CLOSED")
	case opBusy:
		b.Hangup()
	}
	b.Expect("CALL_CLOSED")
}

// shows waits for texts in what has been logged since the operation began.
func (b *baresipStranger) shows(texts ...string) {
	siptest.Shows(b.t, func() string { return b.Log()[b.seen:] }, texts...)
}

// linphoneStranger plays with linphonec. Its only refusal is 603.
type linphoneStranger struct {
	t testing.TB
	*siptest.LinphonePhone
	seen int // bytes of its log that are dealt with
}

func (l *linphoneStranger) can(op operation, caller bool) bool { return caller || op != opBusy }

func (l *linphoneStranger) ready(operation) { l.seen = len(l.Log()) }

// shows waits for texts in what has been logged since the operation began.
func (l *linphoneStranger) shows(texts ...string) {
	siptest.Shows(l.t, func() string { return l.Log()[l.seen:] }, texts...)
}

func (l *linphoneStranger) calls(op operation, number string) {
	l.seen = len(l.Log())
	uri := "sip:" + number + "@" + realm
	if op == opMessage {
		l.Command(`chat `+uri+` "hello from linphone"`, "")
		l.shows("SIP/2.0 200 ", " MESSAGE")
		return
	}
	l.Dial(uri)
	switch op {
	case opCall:
		l.shows("to LinphoneCallStreamsRunning")
		l.Command("pause", "")
		l.shows("to LinphoneCallPaused")
		l.Command("resume", "")
		l.shows("to LinphoneCallResuming", "to LinphoneCallStreamsRunning")
		l.Hangup()
	case opTransfer:
		l.shows("to LinphoneCallStreamsRunning")
		l.Command("transfer sip:"+transferTarget(number)+"@"+realm, "")
	case opCancel:
		l.shows("to LinphoneCallOutgoingRinging")
		l.Hangup()
	case opBusy, opDecline, opNoAnswer:
		l.shows("SIP/2.0 " + map[operation]string{opBusy: "486", opDecline: "603", opNoAnswer: "480"}[op])
	}
	l.shows("to LinphoneCallReleased")
}

func (l *linphoneStranger) takes(op operation) {
	if op == opMessage {
		l.shows("hello from ")
		return
	}
	l.shows("to LinphoneCallIncomingReceived")
	switch op {
	case opCall, opTransfer:
		l.Answer()
		l.shows("to LinphoneCallStreamsRunning")
	case opDecline:
		l.Hangup()
	}
	l.shows("to LinphoneCallReleased")
	if op == opTransfer { // its call to the target has ended too
		l.shows("SIP/2.0 202 ", "NOTIFY sip:")
		l.shows("to LinphoneCallReleased", "to LinphoneCallReleased")
	}
}

// sippStranger plays with sipp, a scenario for each side of each operation, always from the same port, so that the
// binding of its first scenario holds for all; over TLS through a tunnel. It cannot call while it is called, so that it is
// never sent to another phone.
type sippStranger struct {
	t      testing.TB
	l      line
	port   int
	server string
	callee *siptest.SippRun
}

func newSippStranger(s *server, l line, network transport.Network) *sippStranger {
	p := &sippStranger{t: s.t, l: l, port: siptest.UDPPort(s.t), server: s.addr(network)}
	if network == transport.TLS {
		p.server = siptest.NewTunnel(s.t, s.addr(network), s.trust()).Addr
	}
	p.run("register", "").Succeed()
	return p
}

func (p *sippStranger) can(op operation, caller bool) bool { return caller || op != opTransfer }

func (p *sippStranger) run(scenario, number string) *siptest.SippRun {
	uri := realm // of the digest
	if number != "" {
		uri = number + "@" + realm
	}
	return siptest.Sipp(p.t, siptest.SippConfig{
		Scenario: filepath.Join("testdata", "sipp", scenario+".xml"), Server: p.server, User: number, Port: p.port, Auth: p.l.User + ":" + p.l.Password,
		Args: []string{"-key", "me", p.l.User, "-key", "domain", realm, "-key", "target", p.target(number), "-auth_uri", uri},
	})
}

func (p *sippStranger) target(number string) string {
	if number == "" {
		return ""
	}
	return transferTarget(number)
}

func (p *sippStranger) ready(op operation) {
	p.callee = p.run("callee-"+string(op), "")
	p.callee.Bound()
}

func (p *sippStranger) takes(operation) { p.callee.Succeed() }

func (p *sippStranger) calls(op operation, number string) {
	p.run("caller-"+string(op), number).Succeed()
}

// Three phones of three makes on one account ring together, and one answers: the others stop.
func TestThreeStrangersOnOneAccount(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.SIP.DigestMD5Agents = append(c.SIP.DigestMD5Agents, "sipp")
	c.Limits.Exempt = []string{"127.0.0.0/8"}
	s := start(t, c)
	group := s.group()
	a, b := s.line(group, "7001"), s.line(group, "7002")
	siptest.Strangers(t, func(t testing.TB) {
		s := &server{t: t, n: s.n, api: s.api}
		caller := s.phone(a, muted, func(c *phone.Config) { c.SRTP = phone.SRTPOff })
		all := []stranger{s.stranger("baresip", b, transport.TLS), s.stranger("linphone", b, transport.TLS), s.stranger("sipp", b, transport.UDP)}
		var parts sync.WaitGroup
		for i, p := range all {
			op := opCancel
			if i == 0 {
				op = opCall
			}
			p.ready(op)
			parts.Go(func() { p.takes(op) })
		}
		call, err := caller.Call(siptest.Within(t), "7002", phone.Options{})
		if err == nil {
			err = call.Answered(siptest.Within(t))
		}
		if err == nil {
			err = call.Hangup(siptest.Within(t))
		}
		if err != nil {
			t.Error(err)
		}
		parts.Wait()
	})
}
