package transport_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// What waited for too long in a socket is dropped by what it is worth: calls that are up never, strangers before phones.
func TestLate(t *testing.T) {
	t.Parallel()
	const auth = "\r\nAuthorization: Digest username=\"1\"\r\n"
	for _, tc := range []struct {
		name, packet string
		limit        time.Duration // 0: none
	}{
		{"a refresh", "REGISTER sip:x SIP/2.0" + auth, 400 * time.Millisecond},
		{"a stranger's REGISTER", "REGISTER sip:x SIP/2.0\r\n", 130 * time.Millisecond},
		{"a call", "INVITE sip:2@x SIP/2.0" + strings.Replace(auth, "Auth", "Proxy-Auth", 1), 200 * time.Millisecond},
		{"a stranger's INVITE", "INVITE sip:2@x SIP/2.0\r\n", 130 * time.Millisecond},
		{"an INVITE of a call that is up", "INVITE sip:2@x SIP/2.0\r\nTo: <sip:2@x>;tag=1" + auth, 0},
		{"the same in compact form", "INVITE sip:2@x SIP/2.0\r\nt: <sip:2@x>;tag=1" + auth, 0},
		{"a call from one that is up", "INVITE sip:2@x SIP/2.0\r\nTo: <sip:2@x>\r\nFrom: <sip:1@x>;tag=1" + auth, 200 * time.Millisecond},
		{"OPTIONS", "OPTIONS sip:x SIP/2.0\r\n", 80 * time.Millisecond},
		{"SUBSCRIBE", "SUBSCRIBE sip:x SIP/2.0\r\n", 80 * time.Millisecond},
		{"ACK", "ACK sip:2@x SIP/2.0\r\n", 0},
		{"BYE", "BYE sip:2@x SIP/2.0\r\n", 0},
		{"UPDATE", "UPDATE sip:2@x SIP/2.0\r\n", 0},
		{"an answer", "SIP/2.0 200 OK\r\n", 0},
		{"a STUN request", "\x00\x01\x00\x00\x21\x12\xa4\x42", 0},
		{"nothing", "", 0},
	} {
		if got := transport.Patience([]byte(tc.packet)); got != tc.limit {
			t.Errorf("%s may wait %s, want %s", tc.name, got, tc.limit)
		}
	}
}

// A node that was held up finds a queue in its socket: of what is too old it takes what belongs to calls alone. It asks when
// packets came only once it has met a queue.
func TestAQueueIsTakenByWorth(t *testing.T) {
	t.Parallel()
	held, release := make(chan struct{}), make(chan struct{})
	r := start(t, all(), func(_ *transport.Flow, m gosip.Message) {
		if req, is := m.(*gosip.Request); is && req.Method == gosip.INFO {
			held <- struct{}{}
			<-release
		}
	})
	c := r.dial(t, transport.UDP)
	say := func(method, id string) {
		_, err := io.WriteString(c, request(method, id, ""))
		must(t, err)
	}
	var taken int
	for round := range 20 { // the kernel begins to note times a little after it is asked
		say("INFO", fmt.Sprint("hold", round))
		<-held
		for i := range 64 {
			say("OPTIONS", fmt.Sprint(round, "-", i))
		}
		say("BYE", fmt.Sprint("end", round))
		old := time.NewTimer(150 * time.Millisecond)
		<-old.C
		release <- struct{}{}
		if taken = r.options(t); taken == 0 {
			return
		}
	}
	t.Errorf("%d of 64 OPTIONS that waited for 150 ms are taken, want none", taken)
}

// options counts what is received before a BYE.
func (r *rig) options(t *testing.T) (n int) {
	t.Helper()
	for {
		select {
		case g := <-r.in:
			switch g.msg.(*gosip.Request).Method {
			case gosip.OPTIONS:
				n++
			case gosip.BYE:
				return n
			}
		case <-time.After(patience):
			t.Fatal("no BYE")
		}
	}
}
