package main

import (
	"testing"

	"sipward/sip/siptest"
)

// An operator starts a trace, sees the call as a ladder, opens a message by keyboard, and ends it.
func TestConsoleShowsATrace(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	group := s.group()
	a, c := s.line(group, "3001"), s.line(group, "3002")
	bob := s.phone(c, muted)
	b := s.browse("trace")
	b.setUp()
	b.open("/accounts/" + a.ID)
	b.click(`.menu summary`)
	b.click(`a[href="/accounts/` + a.ID + `/trace"]`)
	b.sees("No trace yet")
	b.accessible("no trace")
	b.click(`form.tools .primary`)
	b.sees("The trace runs")
	nodeRecords(t, s)
	alice := s.phone(a, muted)
	ours, theirs := siptest.Talk(t, alice, c.Number, bob)
	hangUp(t, ours, theirs)
	messages(t, alice, bob, c.Number)
	b.until("the ladder shows the message", `(() => { if ([...document.querySelectorAll(".rung text")].some(e => e.textContent === "MESSAGE")) return true; location.reload(); return false })()`)
	b.sees("running")
	b.walk("/accounts/" + a.ID + "/trace")
	b.large()
	b.scheme("light")
	b.until("a message opens by keyboard", `(() => { const all = [...document.querySelectorAll(".rung")], r = all.find(e => e.textContent.includes("Proxy Authentication"));
		if (!r) return false; r.querySelector("summary").focus(); if (document.activeElement.parentElement !== r) return false; r.open = true; return r.querySelector("pre").textContent.includes("nonce=[hidden]") })()`)
	b.accessible("an open message")
	b.shot("open-large-light")
	b.axeSees()
	b.click(`form[action$="/trace/stop"] button`)
	b.sees("The trace has ended.")
}

func nodeRecords(t *testing.T, s *server) {
	t.Helper()
	eventually(t, "the node records", patience, func() bool { return s.n.sip.Tracing() == 1 })
}
