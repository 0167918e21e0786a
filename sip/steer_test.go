package sip_test

import (
	"testing"

	"sipward/sip/siptest"
)

// One account cannot steer another's phone: what would make it restart or call, and what nobody knows, goes no further
// than the server when it belongs to no dialog.
func TestNobodySteersAnothersPhone(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	for _, c := range []struct {
		method string
		fields []string
		code   int
	}{
		{"NOTIFY", []string{"Event: check-sync;reboot=true", "Subscription-State: terminated"}, 481},
		{"REFER", []string{"Refer-To: <sip:+3900000@premium.example>"}, 481},
		{"INFO", nil, 481},
		{"PUBLISH", []string{"Event: presence"}, 489},
		{"FOO", nil, 405},
	} {
		res, err := alice.Request(siptest.Within(t), c.method, "1002", "", nil, c.fields...)
		if err != nil {
			t.Fatalf("%s: %v", c.method, err)
		}
		if res.StatusCode != c.code {
			t.Errorf("%s: %d, want %d", c.method, res.StatusCode, c.code)
		}
		if received(bob, c.method+" ") > 0 {
			t.Errorf("%s reached the other phone", c.method)
		}
	}
}
