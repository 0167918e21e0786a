package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/audit"
	"sipward/sip/incident"
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

// The table of the operator's guide is what is told, of every kind there is.
func TestDocsHaveTheIncidents(t *testing.T) {
	t.Parallel()
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	guide, known := read("../../docs/operator.md"), offences()
	for kind, o := range known {
		if row := fmt.Sprintf("| `sip.%s` | %d | %s |", kind, o.severity, o.act); !strings.Contains(guide, row) {
			t.Errorf("docs/operator.md has no row %s", row)
		}
	}
	if n := strings.Count(guide, "\n| `sip."); n != len(known) {
		t.Errorf("docs/operator.md has %d rows of incidents, %d are told", n, len(known))
	}
	for _, m := range regexp.MustCompile(`Kind = "(\w+)"`).FindAllStringSubmatch(read("../../sip/incident/incident.go"), -1) {
		if _, ok := known[incident.Kind(m[1])]; !ok {
			t.Errorf("nobody says how %s is told", m[1])
		}
	}
}

// While the collector is away incidents wait, few enough that the audit log keeps its place, and count.
func TestIncidentsLeaveRoomForTheAuditLog(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Syslog.URL = "tcp://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(siptest.FreePort(t)))
	n := &node{config: c, id: "n", log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
	if err := n.collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	for left := mostIncidents; left > 0; left -= 512 {
		if got := n.collector.Room(); got != left {
			t.Fatalf("room for %d, want %d", got, left)
		}
		n.collector.Take(make([]incident.Report, 512))
	}
	n.collector.audited(audit.Entry{})
	if room, waiting := n.collector.Room(), n.collector.events.Len(); room != 0 || waiting != mostIncidents+1 {
		t.Errorf("room for %d more, %d wait", room, waiting)
	}
}

// What is not named is told by its number, without a source.
func TestTheRestIsTold(t *testing.T) {
	t.Parallel()
	c := &collector{offences: offences()}
	e := c.event(incident.Report{Incident: incident.Incident{Kind: incident.Banned}, Count: 1234})
	if text := fmt.Sprint(e); !strings.Contains(text, "and 1234 more like these") || strings.Contains(text, "src") || e.Severity != 8 || e.ID != "sip.banned" {
		t.Errorf("%+v", e)
	}
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
