package transport_test

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"sipward/sip/transport"
)

// Handshakes that stop half way make room for those that wait.
func TestStalledHandshakesMakeRoom(t *testing.T) {
	t.Parallel()
	c := transport.Config{TLS: []string{"127.0.0.1:0"}, Limits: transport.Limits{HandshakeTime: patience, Handshakes: 2}}
	r := start(t, c, ok, exempt)
	for range 6 {
		conn, err := net.Dial("tcp", r.Addr(transport.TLS).String())
		must(t, err)
		defer conn.Close()
		_, err = conn.Write([]byte{22}) // a handshake record begins
		must(t, err)
	}
	good := r.dial(t, transport.TLS)
	_, err := io.WriteString(good, request("REGISTER", "x", ""))
	must(t, err)
	if got := answer(t, good).StatusCode; got != 200 {
		t.Fatal(got)
	}
}

// When many phones come back at once they take turns, and none is thrown away.
func TestHandshakesTakeTurns(t *testing.T) {
	t.Parallel()
	c := transport.Config{TLS: []string{"127.0.0.1:0"}, Limits: transport.Limits{HandshakeTime: patience, Handshakes: 2}}
	r := start(t, c, ok, exempt)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			conn, err := tls.Dial("tcp", r.Addr(transport.TLS).String(), &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
		})
	}
	all.Wait()
}

// slowly reads the first piece late, as a phone does whose network has ten thousand others to carry.
type slowly struct {
	net.Conn
	late time.Duration // until the first piece
}

func (s *slowly) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	<-time.After(s.late)
	s.late = 0
	return n, err
}

// A phone whose answer takes most of a second keeps its turn though another waits for it: cut off, it would begin anew behind all
// others, and a storm would not end.
func TestSlowHandshakeKeepsItsTurn(t *testing.T) {
	t.Parallel()
	c := transport.Config{TLS: []string{"127.0.0.1:0"}, Limits: transport.Limits{HandshakeTime: patience, Handshakes: 1}}
	r := start(t, c, ok, exempt)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			conn, err := net.Dial("tcp", r.Addr(transport.TLS).String())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			phone := tls.Client(&slowly{conn, 800 * time.Millisecond}, &tls.Config{InsecureSkipVerify: true})
			if _, err := io.WriteString(phone, request("REGISTER", "x", "")); err != nil {
				t.Error(err)
			}
			if _, err := phone.Read(make([]byte, 1)); err != nil { // a client does not notice before
				t.Error(err)
			}
		})
	}
	all.Wait()
}
