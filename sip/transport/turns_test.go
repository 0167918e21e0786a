package transport_test

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

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
