package main

import (
	"testing"
)

// An operator finds a line, sees its phone come without reloading, disables it and is told when every node obeys.
func TestConsoleDisablesALine(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	group := s.group()
	ada, bruno := s.line(group, "2001"), s.line(group, "2002")
	b := s.browse("disable")
	b.setUp()
	b.click(`.nav a[href="/accounts"]`)
	b.sees(bruno.Owner)
	b.fill(`input[type=search]`, "2001")
	b.lacks(bruno.Owner)
	b.click(`a[href="/accounts/` + ada.ID + `"]`)
	b.sees("No phone is registered.")
	s.phone(ada, muted)
	b.lacks("No phone is registered.")
	b.shot("account")
	b.click(`a[href$="/disable"]`)
	b.fill(`dialog input[name=reason]`, "lost phone")
	b.shot("ask")
	b.click(`dialog .grave`)
	b.sees("Effective on all nodes")
	b.sees("lost phone")
	b.shot("disabled")
	b.open("/accounts")
	b.choose(`select[name=state]`, "disabled")
	b.lacks(bruno.Owner)
	b.click(`a[href="/accounts/` + ada.ID + `"]`)
	b.click(`form[action$="/enable"] button`)
	b.sees("The account is enabled again.")
	b.sees("Effective on all nodes")
}
