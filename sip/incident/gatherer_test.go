package incident_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/sip/incident"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a collector that may have no room.
type sink struct {
	mu    sync.Mutex
	room  int               // guarded by mu
	taken []incident.Report // guarded by mu
}

func (s *sink) Room() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room
}

func (s *sink) Take(list []incident.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken, s.room = append(s.taken, list...), s.room-len(list)
}

func (s *sink) grant(room int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room = room
}

func (s *sink) all() []incident.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// gather runs a gatherer in a bubble; end has it hand on what is open.
func gather(t *testing.T, f func(g *incident.Gatherer, s *sink, end func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{room: 1 << 20}
		g := incident.NewGatherer(s)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		end := func() { stop(); ended <- <-ended }
		f(g, s, end)
		end()
	})
}

func wrong(source, user string) incident.Incident {
	return incident.Incident{Kind: incident.WrongPassword, Source: netip.MustParseAddr(source), Network: "udp", User: user}
}

// A flood is one report with its count, its users, its first and its last; what comes after it is another one.
func TestAFloodIsOneReport(t *testing.T) {
	t.Parallel()
	gather(t, func(g *incident.Gatherer, s *sink, _ func()) {
		first := time.Now()
		for i := range 500 {
			g.Tell(wrong("192.0.2.1", fmt.Sprint(1001+i%3)))
			time.Sleep(10 * time.Millisecond)
		}
		g.Tell(incident.Incident{Kind: incident.Banned, Source: netip.MustParseAddr("192.0.2.1"), Network: "udp", Detail: "flood"})
		if len(s.all()) != 0 {
			t.Errorf("told after 5 s: %v", s.all())
		}
		time.Sleep(incident.Window + time.Second)
		synctest.Wait()
		if len(s.all()) != 2 {
			t.Fatalf("%d reports: %+v", len(s.all()), s.all())
		}
		r := s.all()[0]
		if r.Count != 500 || r.Users != 3 || r.User != "1001" || !r.First.Equal(first) || r.Last.Sub(first) != 4990*time.Millisecond {
			t.Errorf("%+v", r)
		}
		if b := s.all()[1]; b.Kind != incident.Banned || b.Count != 1 || b.Users != 0 || b.Detail != "flood" {
			t.Errorf("%+v", b)
		}
		g.Tell(wrong("192.0.2.1", "1001"))
		time.Sleep(incident.Window + time.Second)
		synctest.Wait()
		if len(s.all()) != 3 || s.all()[2].Count != 1 {
			t.Errorf("%+v", s.all())
		}
	})
}

// Sources, networks and proven accounts are told apart; the addresses of one IPv6 host are not.
func TestWhatIsAlike(t *testing.T) {
	t.Parallel()
	gather(t, func(g *incident.Gatherer, s *sink, end func()) {
		overTLS := wrong("192.0.2.1", "1001")
		overTLS.Network = "tls"
		g.Tell(overTLS)
		for _, source := range []string{"192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"} {
			g.Tell(wrong(source, "1001"))
		}
		for _, id := range []string{"a", "b", "a"} {
			i := wrong("192.0.2.1", "1001")
			i.Kind, i.Account = incident.Disabled, account.ID("account-"+id)
			g.Tell(i)
		}
		end()
		got := ""
		for _, r := range s.all() {
			got += fmt.Sprintf("%s %s %s %s %d\n", r.Kind, r.Source, r.Network, r.Account, r.Count)
		}
		const want = "wrong_password 192.0.2.1 tls  1\nwrong_password 192.0.2.1 udp  2\nwrong_password 192.0.2.2 udp  1\nwrong_password 2001:db8::1 udp  2\n" +
			"wrong_password 2001:db8:0:1::1 udp  1\ndisabled 192.0.2.1 udp account-a 2\ndisabled 192.0.2.1 udp account-b 1\n"
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

// More sources than are named are told by their number, and take no other kind's place.
func TestManySourcesAreBounded(t *testing.T) {
	t.Parallel()
	gather(t, func(g *incident.Gatherer, s *sink, end func()) {
		for i := range 5000 {
			g.Tell(wrong(fmt.Sprintf("10.0.%d.%d", i/250, i%250), "1001"))
		}
		g.Tell(incident.Incident{Kind: incident.Banned, Source: netip.MustParseAddr("10.0.19.1")})
		end()
		if len(s.all()) != incident.Most+2 {
			t.Fatalf("%d reports", len(s.all()))
		}
		rest, ban := s.all()[incident.Most], s.all()[incident.Most+1]
		if rest.Source.IsValid() || rest.Kind != incident.WrongPassword || rest.Count != 5000-incident.Most || rest.User != "" || g.Unnamed() != 5000-incident.Most {
			t.Errorf("the rest: %+v", rest)
		}
		if ban.Kind != incident.Banned || !ban.Source.IsValid() {
			t.Errorf("the ban: %+v", ban)
		}
	})
}

// While the sink has no room reports wait, and count.
func TestReportsWaitForRoom(t *testing.T) {
	t.Parallel()
	gather(t, func(g *incident.Gatherer, s *sink, _ func()) {
		s.grant(1)
		for range 100 {
			g.Tell(wrong("192.0.2.1", "1001"))
			g.Tell(wrong("192.0.2.2", "1001"))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if len(s.all()) != 1 {
			t.Fatalf("%d reports where there was room for one", len(s.all()))
		}
		s.grant(10)
		time.Sleep(2 * incident.Window)
		synctest.Wait()
		count := 0
		for _, r := range s.all() {
			count += r.Count
		}
		if count != 200 || len(s.all()) != 3 {
			t.Errorf("%d incidents in %d reports, want 200 in 3: %+v", count, len(s.all()), s.all())
		}
	})
}

// What a peer wrote is cut, and cannot end a line or paint a terminal.
func TestWhatAPeerWrote(t *testing.T) {
	t.Parallel()
	gather(t, func(g *incident.Gatherer, s *sink, end func()) {
		i := wrong("192.0.2.1", "bob\r\n\x1b[31m\xff"+strings.Repeat("é", 100))
		i.Detail = strings.Repeat("x", 5000)
		g.Tell(i)
		end()
		r := s.all()[0]
		if want := "bob???[31m" + strings.Repeat("é", 26); r.User != want || len(r.Detail) != 200 {
			t.Errorf("%q, %d characters of detail", r.User, len(r.Detail))
		}
	})
}

func TestTellAllocatesNothingForMoreOfTheSame(t *testing.T) { // not parallel: AllocsPerRun
	g := incident.NewGatherer(&sink{})
	i := wrong("2001:db8::1", "1001")
	g.Tell(i)
	if got := testing.AllocsPerRun(1000, func() { g.Tell(i) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkTell is what one more message of a flood costs its reader.
func BenchmarkTell(b *testing.B) {
	for name, sources := range map[string]int{"one source": 1, "more sources than are named": 1 << 16} {
		b.Run(name, func(b *testing.B) {
			g := incident.NewGatherer(&sink{})
			list := make([]incident.Incident, sources)
			for i := range list {
				list[i] = wrong(fmt.Sprintf("10.0.%d.%d", i>>8, i&255), "1001")
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				g.Tell(list[i%len(list)])
			}
		})
	}
}
