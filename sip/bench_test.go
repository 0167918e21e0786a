package sip_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"

	"sipward/sip/transport"
)

// socket is a phone of a benchmark: it sends and reads by hand, so that what is measured is the node.
type socket struct {
	net.Conn
	b   testing.TB
	buf []byte
}

func (r *rig) socket(b testing.TB) *socket {
	b.Helper()
	c, err := net.Dial("udp", r.Addr(transport.UDP).String())
	must(b, err)
	b.Cleanup(func() { _ = c.Close() })
	return &socket{c, b, make([]byte, 65535)}
}

// until reads until a message begins so.
func (s *socket) until(first string) string {
	for {
		n, err := s.Read(s.buf)
		must(s.b, err)
		if bytes.HasPrefix(s.buf[:n], []byte(first)) {
			return string(s.buf[:n])
		}
	}
}

func (s *socket) write(m string) {
	_, err := s.Write([]byte(m))
	must(s.b, err)
}

// signer answers one nonce again and again, with a rising count.
type signer struct {
	l     *line
	nonce string
	nc    int
}

func (s *signer) header(name, method, uri string) string {
	s.nc++
	return name + ": " + signCount(s.l.User, s.l.password.Reveal(), method, uri, s.nonce, fmt.Sprintf("%08x", s.nc)) + "\r\n"
}

func (s *socket) register(l *line, by *signer, seq int) {
	const uri = "sip:" + domain
	auth := ""
	if by.nonce != "" {
		auth = by.header("Authorization", "REGISTER", uri)
	}
	s.write(fmt.Sprintf("REGISTER %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKr%s%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%[5]s@%[6]s>;tag=1\r\n"+
		"To: <sip:%[5]s@%[6]s>\r\nCall-ID: r%[5]s\r\nCSeq: %[4]d REGISTER\r\nContact: <sip:%[5]s@%[2]s>\r\n%[7]sContent-Length: 0\r\n\r\n",
		uri, s.LocalAddr(), l.User, seq, l.User, domain, auth))
}

// enrol makes the binding and returns what signs further requests.
func (s *socket) enrol(l *line) *signer {
	by := &signer{l: l}
	s.register(l, by, 1)
	by.nonce = nonceIn.FindStringSubmatch(s.until("SIP/2.0 401"))[1]
	s.register(l, by, 2)
	s.until("SIP/2.0 200")
	return by
}

// introduce enrols alice as 1001, who knows the nonce of calls then, and the callees as phones of 1002.
func (r *rig) introduce(t testing.TB, alice *socket, callees ...*socket) *signer {
	by := alice.enrol(r.line(t, "1001"))
	l := r.line(t, "1002")
	for _, s := range callees {
		s.enrol(l)
	}
	by.nonce, by.nc = nonceIn.FindStringSubmatch(alice.invite(by, "first", ""))[1], 0
	return by
}

func BenchmarkRegister(b *testing.B) {
	r := serve(b)
	l := r.line(b, "1001")
	s := r.socket(b)
	by := s.enrol(l)
	b.ReportAllocs()
	seq := 2
	for b.Loop() {
		seq++
		s.register(l, by, seq)
		if got := s.until("SIP/2.0 "); !strings.HasPrefix(got, "SIP/2.0 200") {
			by.nonce, by.nc = nonceIn.FindStringSubmatch(got)[1], 0
		}
	}
}

// BenchmarkCall is a call from INVITE to the 200 of its BYE, through the node and back. scanned-B/op is what is left of it, until
// Timer M, for the collector to walk through at each of its turns.
func BenchmarkCall(b *testing.B) {
	r := serve(b)
	alice, bob := r.socket(b), r.socket(b)
	by := r.introduce(b, alice, bob)
	b.ReportAllocs()
	before := scannable()
	for b.Loop() {
		handCall(alice, bob, by)
	}
	b.ReportMetric((scannable()-before)/float64(b.N), "scanned-B/op")
}

// scannable is how many bytes of the heap may hold pointers, and are alive.
func scannable() float64 {
	runtime.GC()
	heap := []metrics.Sample{{Name: "/gc/scan/heap:bytes"}}
	metrics.Read(heap)
	return float64(heap[0].Value.Uint64())
}

// handCall is a call from INVITE to the 200 of its BYE; false: the nonce was stale, and is a new one now.
func handCall(alice, bob *socket, by *signer) bool {
	id := rand.Text()
	if got := alice.invite(by, id, by.header("Proxy-Authorization", "INVITE", "sip:1002@"+domain)); strings.HasPrefix(got, "SIP/2.0 407") {
		by.nonce, by.nc = nonceIn.FindStringSubmatch(got)[1], 0
		return false
	}
	bob.write(answer(bob.until("INVITE "), "200 OK", ";tag=b"+id, "Contact: <sip:1002@"+bob.LocalAddr().String()+">\r\n"))
	ok := alice.until("SIP/2.0 200")
	alice.write(within("ACK", ok, id))
	bob.until("ACK ")
	alice.write(within("BYE", ok, id))
	bob.write(answer(bob.until("BYE "), "200 OK", "", ""))
	alice.until("SIP/2.0 200")
	return true
}

// invite sends an INVITE and returns what came back first beyond a retransmission of before.
func (s *socket) invite(by *signer, id, auth string) string {
	s.write("INVITE sip:1002@" + domain + " SIP/2.0\r\nVia: SIP/2.0/UDP " + s.LocalAddr().String() + ";branch=z9hG4bKi" + id + ";rport\r\nMax-Forwards: 70\r\n" +
		"From: <sip:" + by.l.User + "@" + domain + ">;tag=a" + id + "\r\nTo: <sip:1002@" + domain + ">\r\nCall-ID: " + id + "\r\nCSeq: 1 INVITE\r\nContact: <sip:1001@" +
		s.LocalAddr().String() + ">\r\n" + auth + "Content-Length: 0\r\n\r\n")
	return s.until("SIP/2.0 ")
}

// answer makes a response of the headers that a request came with.
func answer(req, status, tag, more string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\r\n")
	for _, l := range strings.Split(req, "\r\n")[1:] {
		switch name, _, _ := strings.Cut(l, ":"); name {
		case "To":
			b.WriteString(l + tag + "\r\n")
		case "Via", "Record-Route", "From", "Call-ID", "CSeq":
			b.WriteString(l + "\r\n")
		}
	}
	return b.String() + more + "Content-Length: 0\r\n\r\n"
}

// within makes a request of the caller within the dialog that a 200 began.
func within(method, ok, id string) string {
	header := func(name string) string {
		_, v, _ := strings.Cut(ok, "\r\n"+name+": ")
		v, _, _ = strings.Cut(v, "\r\n")
		return v
	}
	seq := "1 "
	if method == "BYE" {
		seq = "2 "
	}
	return method + " " + strings.Trim(header("Contact"), "<>") + " SIP/2.0\r\nVia: " + viaOf(header("Via")) + ";branch=z9hG4bK" + method + id + ";rport\r\nRoute: " + header("Record-Route") +
		"\r\nMax-Forwards: 70\r\nFrom: " + header("From") + "\r\nTo: " + header("To") + "\r\nCall-ID: " + id + "\r\nCSeq: " + seq + method + "\r\nContent-Length: 0\r\n\r\n"
}

func viaOf(v string) string {
	v, _, _ = strings.Cut(v, ";")
	return v
}
