package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// datagrams is a collector over UDP.
func datagrams(t *testing.T) (*listener, string) {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got, done := &listener{}, make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1<<16)
		for {
			n, _, err := socket.ReadFrom(b)
			if err != nil {
				return
			}
			got.mu.Lock()
			got.text.WriteString(string(b[:n]) + "\n")
			got.mu.Unlock()
		}
	}()
	t.Cleanup(func() { _ = socket.Close(); <-done })
	return got, "udp://" + socket.LocalAddr().String()
}

// lines are those told of an event.
func (l *listener) lines(id string) (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.SplitSeq(l.text.String(), "\n") {
		if strings.Contains(line, "|"+id+"|") {
			list = append(list, line)
		}
	}
	return list
}

// Many wrong passwords of a source are one event with their count; numbers are masked, and nothing of the credentials is
// told. A phone with the right password makes none.
func TestWrongPasswordsAreOneEvent(t *testing.T) {
	t.Parallel()
	got, url := datagrams(t)
	c := testConfig(t)
	c.Syslog.URL, c.Log.MaskDigits = url, 3
	s := start(t, c)
	l := s.line(s.group(), "30017")
	s.phone(l, muted)
	wrong := siptest.Phone(t, phone.Config{Server: s.addr(transport.UDP), Domain: realm, User: l.User, Password: "guess-me-not", Mute: true})
	for range 20 { // ten wrong passwords are looked at
		if err := wrong.Register(t.Context()); err == nil {
			t.Fatal("a wrong password is good")
		}
	}
	eventually(t, "the wrong passwords are told", 30*time.Second, func() bool {
		return len(got.lines("sip.wrong_password")) > 0 && len(got.lines("sip.too_many_failures")) > 0
	})
	masked := l.User[:len(l.User)-3] + "xxx"
	for _, want := range []string{
		"<84>1 ", " " + s.n.id + " sipward - sip.wrong_password - ", "CEF:0|sipward|sipward|", "|sip.wrong_password|wrong password|6|", " act=challenged", " cnt=10 ", " src=127.0.0.1",
		" proto=UDP", " cs1Label=transport cs1=udp", " suser=" + masked, " start=", " end=",
	} {
		if line := got.lines("sip.wrong_password")[0]; !strings.Contains(line+" ", want) {
			t.Errorf("%q is not in %s", want, line)
		}
	}
	if n, more := len(got.lines("sip.wrong_password")), len(got.lines("sip.too_many_failures")); n != 1 || more != 1 {
		t.Errorf("%d and %d events of one source", n, more)
	}
	for _, secret := range []string{"guess-me-not", "nonce", "Digest", "response", l.Password, "suser=" + l.User, "sip.unknown_user"} {
		if got.has(secret) {
			t.Errorf("%q was told", secret)
		}
	}
}
