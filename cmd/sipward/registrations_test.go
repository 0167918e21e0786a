package main

import (
	"errors"
	"strings"
	"testing"

	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// A phone that loses its address again and again, and has no instance id, leaves a contact behind each time. At the limit
// it is refused (403), until an operator removes what is stale.
func TestAnOperatorLetsAPhoneInThatLeftTooManyContacts(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	l := s.line(s.group(), "3101")
	register := func() error {
		return siptest.Phone(t, phone.Config{
			Server: s.addr(transport.UDP), Transport: "udp", Domain: realm, User: l.User, Password: phone.Secret(l.Password), RegID: -1, Mute: true,
		}).Register(siptest.Within(t))
	}
	account := func(args ...string) string { return s.tell(append([]string{"account"}, args...)...) }
	contacts := func() (uris []string) {
		for row := range strings.Lines(account("registrations", "3101")) {
			if strings.HasPrefix(row, "sip:") {
				uris = append(uris, strings.Fields(row)[0])
			}
		}
		return uris
	}
	for i := range 10 {
		if err := register(); err != nil {
			t.Fatalf("phone %d: %v", i+1, err)
		}
	}
	refused := func() bool {
		var no *phone.Refused
		err := register()
		if err != nil && (!errors.As(err, &no) || no.Code != 403) {
			t.Fatal(err)
		}
		return err != nil
	}
	if got := contacts(); len(got) != 10 || !refused() {
		t.Fatalf("the eleventh was let in beside %q", got)
	}
	account("unregister", "3101", "--contact", contacts()[0])
	if got := contacts(); len(got) != 9 || refused() || !refused() {
		t.Errorf("with one of ten removed there is room for one, beside %q", got)
	}
	account("unregister", l.User)
	if got := contacts(); len(got) != 0 || refused() {
		t.Errorf("with all removed there is room, beside %q", got)
	}
}
