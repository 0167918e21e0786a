package sip_test

import (
	"testing"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// The ways to a phone: RFC 5626, RFC 5627, RFC 3327, RFC 7118.
func flowScenes() map[string]scene {
	return map[string]scene{
		"gruu":        {playGRUU, nil},
		"second-flow": {playSecondFlow, nil},
		"moved":       {playMoved, nil},
		"path":        {playPath, nil},
		"websocket":   {playWebSocket, nil},
	}
}

// bindings counts the bindings of Carol's account.
func (l *line) bindings(t *testing.T) int {
	t.Helper()
	_, set, err := l.r.store.Locations.Lookup(t.Context(), l.ID)
	must(t, err)
	return len(set.Bindings)
}

// A phone with two flows: a call comes over the one registered last, and when that is gone over the other.
func playSecondFlow(t *testing.T, s *stage) {
	carol := s.line(t, "1003")
	first, second := flows(t, carol, patientPhone)
	s.more = append(s.more, siptest.Side{Name: "carol's first flow", Phone: first}, siptest.Side{Name: "carol's second flow", Phone: second})
	ours := dial(t, s.alice, "1003")
	incoming(t, second).Busy()
	ended(t, ours, 486)
	saw(t, second, "ACK ")
	second.Drop()
	eventually(t, "one binding is left", func() bool { return carol.bindings(t) == 1 })
	ours = dial(t, s.alice, "1003")
	incoming(t, first).Busy()
	ended(t, ours, 486)
	saw(t, first, "ACK ")
}

// A UDP phone that comes back from another port is the same phone by its instance: one binding, the new one.
func playMoved(t *testing.T, s *stage) {
	carol := s.line(t, "1003")
	same := func(c *phone.Config) { c.Instance = twin }
	before := carol.registered(t, over("udp"), same, patientPhone)
	after := carol.registered(t, over("udp"), same, patientPhone)
	s.more = append(s.more, siptest.Side{Name: "carol before", Phone: before}, siptest.Side{Name: "carol after", Phone: after})
	if n := carol.bindings(t); n != 1 {
		t.Errorf("%d bindings of one instance, want 1", n)
	}
	ours := dial(t, s.alice, "1003")
	incoming(t, after).Busy()
	ended(t, ours, 486)
	saw(t, after, "ACK ")
}

// RFC 3327: a phone behind a proxy is called through it: over the connection of its registration, with its Path as Route.
func playPath(t *testing.T, s *stage) {
	carol := s.line(t, "1003").phone(t, patientPhone)
	s.more = append(s.more, siptest.Side{Name: "carol", Phone: carol})
	request(t, carol, 200, "REGISTER", "1003", "Path: <sip:token@edge.example;lr>, <sip:core.example;lr>", "Supported: path")
	ours := dial(t, s.alice, "1003")
	incoming(t, carol).Busy()
	ended(t, ours, 486)
	saw(t, carol, "ACK ")
	request(t, s.alice, 200, "OPTIONS", "1003")
}

// RFC 7118: a phone in a browser is called over the connection it opened.
func playWebSocket(t *testing.T, s *stage) {
	carol := s.third(t, over("wss"))
	ours, theirs := siptest.Talk(t, s.alice, "1003", carol)
	saw(t, carol, "ACK ")
	s.bye(t, ours, theirs)
}
