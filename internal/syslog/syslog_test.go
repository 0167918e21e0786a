package syslog_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sipward/internal/syslog"
	"sipward/sip/siptest"
)

var event = syslog.Event{
	At: time.Date(2026, 11, 28, 4, 0, 0, 123456000, time.UTC), ID: "signin.FAILURE", Name: "wrong | name\nor password", Severity: 6,
	Fields: []syslog.Field{{"suser", `a=b\c`}, {"src", "192.0.2.1"}, {"msg", ""}, {"request", "two\nlines ü"}},
}

const want = "<84>1 2026-11-28T04:00:00.123456Z node-1 sipward - signin.FAILURE - \ufeffCEF:0|sipward|sipward|v1|signin.FAILURE|wrong \\| name or password|6|rt=1795838400123 " +
	`suser=a\=b\\c src=192.0.2.1 request=two\nlines ü`

func send(t *testing.T, c syslog.Config, batch ...syslog.Event) {
	t.Helper()
	c.Host, c.Version = "node-1", "v1"
	s, err := syslog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Send(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// counted reads messages as RFC 6587 section 3.4.1 frames them.
func counted(t *testing.T, r io.Reader, n int) (list []string) {
	t.Helper()
	in := bufio.NewReader(r)
	for range n {
		size, err := in.ReadString(' ')
		if err != nil {
			t.Fatal(err)
		}
		length, err := strconv.Atoi(strings.TrimSuffix(size, " "))
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(in, text); err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	return list
}

func TestOverUDP(t *testing.T) {
	t.Parallel()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	send(t, syslog.Config{URL: "udp://" + l.LocalAddr().String()}, event)
	got := make([]byte, 4096)
	_ = l.SetReadDeadline(time.Now().Add(time.Minute))
	n, _, err := l.ReadFrom(got)
	if err != nil || string(got[:n]) != want {
		t.Errorf("got  %q\nwant %q, %v", got[:n], want, err)
	}
}

func TestOverTCPAndTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewUnstartedServer(nil) // for its certificate
	web.StartTLS()
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	for scheme, c := range map[string]*tls.Config{"tcp": nil, "tls": {Certificates: web.TLS.Certificates}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if c != nil {
			l = tls.NewListener(l, c)
		}
		got := make(chan []string, 1)
		go func() {
			defer close(got)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			got <- counted(t, conn, 2)
		}()
		send(t, syslog.Config{URL: scheme + "://" + l.Addr().String(), TLS: &tls.Config{RootCAs: roots, ServerName: "example.com"}}, event, event)
		if list := <-got; len(list) != 2 || list[0] != want || list[1] != want {
			t.Errorf("%s: %q", scheme, list)
		}
		_ = l.Close()
	}
}

// A collector that comes back is dialled again.
func TestACollectorThatWasAway(t *testing.T) {
	t.Parallel()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(siptest.FreePort(t))) // below the range that the system hands out
	s, err := syslog.New(syslog.Config{URL: "tcp://" + address})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Send(t.Context(), []syslog.Event{event}); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("nobody listens: %v", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := s.Send(t.Context(), []syslog.Event{event}); err != nil {
		t.Errorf("it is back: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"udp://10.0.0.1:514", "tcp://siem:601", "tls://[2001:db8::1]:6514"} {
		if err := syslog.Check(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"siem:514", "http://siem:514", "udp://siem", "tls://siem:6514/x", "udp://:514"} {
		if err := syslog.Check(bad); err == nil || !regexp.MustCompile(`for example tls://`).MatchString(err.Error()) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
