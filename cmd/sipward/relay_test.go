package main

import (
	"testing"
	"time"

	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// relaying is a node through which every call's media goes.
func relaying(t testing.TB, change ...func(*Config)) *server {
	t.Helper()
	c := testConfig(t)
	c.Media.Relay = "always"
	for _, f := range change {
		f(&c)
	}
	return start(t, c)
}

// Two real phones hear each other through the relay, over TLS with SRTP and over UDP with RTP, and their ports rest after.
func TestRelayCarriesTheSoundOfBaresips(t *testing.T) {
	t.Parallel()
	s := relaying(t)
	group := s.group()
	t.Run("calls", func(t *testing.T) {
		for i, network := range []transport.Network{transport.TLS, transport.UDP} {
			t.Run(string(network), func(t *testing.T) {
				t.Parallel()
				a, b := s.line(group, "50"+string(rune('0'+i))+"1"), s.line(group, "50"+string(rune('0'+i))+"2")
				siptest.Strangers(t, func(t testing.TB) { (&server{t: t, n: s.n}).talk(a, b, network) })
			})
		}
	})
	if got := s.counter("sipward_relay_packets_total", "forwarded"); got < 100 {
		t.Errorf("%v packets were relayed, want more than 100: the phones spoke past us", got)
	}
	eventually(t, "the calls' ports are free", 30*time.Second, func() bool { return s.n.ports.Leased() == 0 && s.n.relay.Len() == 0 })
}

// counter is the value of a metric, with one label's value when it has labels.
func (s *server) counter(name string, label ...string) float64 {
	s.t.Helper()
	families, err := s.n.registry.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(label) == 0 || len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == label[0] {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
