package siptest_test

import (
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

func TestSipp(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		bob := siptest.Phone(t, phone.Config{User: "bob", Listen: "127.0.0.1:0", Transport: transport})
		siptest.Sipp(t, siptest.SippConfig{
			Scenario: "testdata/options.xml", Server: bob.Addr().String(), User: "bob", Calls: 5, Rate: 100, TCP: transport == "tcp",
		}).Succeed()
	}
}

func TestSippTellsAFailure(t *testing.T) {
	t.Parallel()
	bob := siptest.Phone(t, phone.Config{User: "bob", Listen: "127.0.0.1:0", OnRequest: func(*gosip.Request) *phone.Reply {
		return &phone.Reply{Code: 404}
	}})
	run := siptest.Sipp(t, siptest.SippConfig{Scenario: "testdata/options.xml", Server: bob.Addr().String(), User: "bob"})
	if err := run.Wait(siptest.Within(t)); err == nil {
		t.Error("sipp succeeded although it was told 404")
	}
}
