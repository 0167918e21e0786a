package main

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// resolverEnv tells a server that a test has spawned which name server to ask.
const resolverEnv = "SIPWARD_TEST_RESOLVER"

// askInstead has this process ask one name server for everything. It is for a process of its own.
func askInstead(server string) {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server)
	}}
}

// nameServer answers every name with 127.0.0.1, after a while, or never.
type nameServer struct {
	net.PacketConn
	replies sync.WaitGroup

	mu    sync.Mutex // guards what follows
	delay time.Duration
	dead  bool
	asked []string
}

func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{PacketConn: c}
	s.replies.Go(s.serve)
	t.Cleanup(func() {
		_ = c.Close()
		s.replies.Wait()
	})
	return s
}

func (s *nameServer) becomes(dead bool, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead, s.delay = dead, delay
}

func (s *nameServer) serve() {
	query := make([]byte, 512)
	for {
		n, from, err := s.ReadFrom(query)
		if err != nil {
			return
		}
		reply, name := answerTo(query[:n])
		s.mu.Lock()
		s.asked = append(s.asked, name)
		dead, delay := s.dead, s.delay
		s.mu.Unlock()
		if dead || reply == nil {
			continue
		}
		time.AfterFunc(delay, func() { _, _ = s.WriteTo(reply, from) }) // who waits no longer needs none
	}
}

// answerTo makes the answer to a query of one question (RFC 1035 section 4): one address of type A, and no other.
func answerTo(query []byte) (reply []byte, name string) {
	const head = 12
	end := head
	for end < len(query) && query[end] != 0 {
		end += 1 + int(query[end])
	}
	if end+5 > len(query) {
		return nil, ""
	}
	for at := head; at < end; at += 1 + int(query[at]) {
		name += string(query[at+1:at+1+int(query[at])]) + "."
	}
	reply = append(reply, query[:end+5]...)
	copy(reply[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
	if binary.BigEndian.Uint16(query[end+1:]) == 1 {
		reply[7] = 1
		reply = append(reply, 0xc0, head, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1)
	}
	return reply, name
}

// queries counts what was asked for under a name.
func (s *nameServer) queries(under string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.asked {
		if strings.HasSuffix(name, under+".") {
			n++
		}
	}
	return n
}

// resolverSpan is how long the name server is in each of its states.
const resolverSpan = 2 * time.Second

// F24: a name server that is dead or slow: phones register, call and write as ever, whatever names they use. Redis is known by
// name here, so that there is something to resolve.
func TestSIPNeedsNoResolver(t *testing.T) {
	t.Parallel()
	names, redis := newNameServer(t), kvtest.Redis(t)
	_, port, _ := net.SplitHostPort(redis.Addr)
	p := spawn(t, t.TempDir(), "redis://redis.sipward.example:"+port, resolverEnv+"="+names.LocalAddr().String())
	s := &server{t: t, api: p.api}
	group := s.group()
	f := &storeFault{codes: map[int]int{}}
	for _, number := range []string{"8801", "8802", "8803", "8804", "8805", "8806"} {
		l := s.line(group, number)
		f.lines = append(f.lines, l)
		f.phones = append(f.phones, siptest.Registered(t, at(p, l)))
	}
	well := f.under(t)
	for _, c := range []struct {
		what  string
		dead  bool
		delay time.Duration
	}{{"a dead one", true, 0}, {"one that takes its time", false, 10 * time.Second}} {
		names.becomes(c.dead, c.delay)
		limit := well + 100*time.Millisecond
		p99 := f.under(t)
		t.Logf("F24: p99 of a request %s with a good resolver, with %s %s / limit %s", well, c.what, p99, limit)
		if p99 > slack*limit {
			t.Errorf("F24: %s holds phones up", c.what)
		}
	}
	t.Logf("F24: %d names of phones were looked up / limit 0, and that of Redis %d times", names.queries("phones.example"), names.queries("redis.sipward.example"))
	if names.queries("phones.example") > 0 || names.queries("redis.sipward.example") == 0 {
		t.Errorf("F24: asked for: %q", names.asked)
	}
}

// under is the p99 of registrations for a while in which phones also call and write, with names wherever names can stand.
func (f *storeFault) under(t *testing.T) time.Duration {
	t.Helper()
	f.took, f.codes = nil, map[int]int{}
	ctx, stop := context.WithTimeout(t.Context(), resolverSpan)
	defer stop()
	all := f.refreshes(ctx)
	named := []string{"Record-Route: <sip:a.phones.example;lr>", "Contact: <sip:1@b.phones.example>", "Call-Info: <http://c.phones.example>"}
	for ctx.Err() == nil {
		began := time.Now()
		c, err := f.phones[0].Call(siptest.Within(t), f.lines[1].Number, phone.Options{Fields: named, URI: "sip:" + f.lines[1].Number + "@" + realm + ";maddr=d.phones.example"})
		if err != nil {
			t.Fatal(err)
		}
		in, err := f.phones[1].Incoming(siptest.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		in.Busy()
		_ = c.Wait(siptest.Within(t)) // its code tells
		if code := c.Result().Code; code != 486 {
			t.Errorf("F24: a call ended with %d, want 486", code)
		}
		res, err := f.phones[2].Request(siptest.Within(t), "OPTIONS", f.lines[3].Number, "", nil, named...)
		if err != nil || res.StatusCode != 200 {
			t.Errorf("F24: OPTIONS: %v, %v", res, err)
		}
		f.mu.Lock()
		f.took = append(f.took, time.Since(began)) // two requests and an answer in one: they may take as long as one
		f.mu.Unlock()
	}
	all.Wait()
	_, p99, codes := f.measured()
	if codes[200] == 0 || len(codes) > 1 {
		t.Errorf("F24: answers to registrations %v", codes)
	}
	return p99.Round(100 * time.Microsecond)
}
