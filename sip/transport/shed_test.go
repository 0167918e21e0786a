package transport_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// What is late within two seconds is sent again and served; later it would only come twice. A second of calm forgives.
func TestABurstIsNoOverload(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, tc := range []struct {
		name  string
		after []time.Duration
		want  []bool
	}{
		{"a burst", []time.Duration{0, 900 * ms, 1800 * ms}, []bool{false, false, false}},
		{"an overload", []time.Duration{0, 900 * ms, 1800 * ms, 2100 * ms, 3000 * ms}, []bool{false, false, false, true, true}},
		{"bursts", []time.Duration{0, 1500 * ms, 2900 * ms, 4100 * ms}, []bool{false, false, false, false}},
		{"calm after it", []time.Duration{0, 900 * ms, 1800 * ms, 2100 * ms, 3200 * ms}, []bool{false, false, false, true, false}},
	} {
		if got := transport.Lasts(time.Unix(1000, 0), tc.after...); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// knows is a Shedder that knows one branch.
type knows string

func (k knows) Shed(_ *transport.Flow, _ gosip.RequestMethod, via *gosip.ViaHeader) (string, bool) {
	branch, _ := via.Params.Get("branch")
	return "ours", branch != string(k)
}

// L6: 503 with a time to come back, of the transaction's own tag; nothing for an ACK, and for what is being served.
func TestOverloaded(t *testing.T) {
	t.Parallel()
	times := map[string]bool{}
	for range 500 {
		m, _, _ := transport.Parse(transport.Overloaded([]byte(request("INVITE", "a", "")), knows("other")))
		res, ok := m.(*gosip.Response)
		if !ok || res.StatusCode != 503 {
			t.Fatalf("answer %v", m)
		}
		if tag, _ := res.To().Params.Get("tag"); tag != "ours" {
			t.Fatalf("tag %q", tag)
		}
		after := res.GetHeader("Retry-After").Value()
		if n, err := strconv.Atoi(after); err != nil || n < 10 || n > 60 {
			t.Fatalf("Retry-After %q, want 10 to 60", after)
		}
		times[after] = true
	}
	if len(times) < 25 {
		t.Errorf("%d different times to come back", len(times))
	}
	m, _, _ := transport.Parse([]byte(request("INVITE", "a", "")))
	branch, _ := m.Via().Params.Get("branch")
	for name, b := range map[string][]byte{
		"an ACK":              transport.Overloaded([]byte(request("ACK", "a", "")), knows("other")),
		"a repeated request":  transport.Overloaded([]byte(request("INVITE", "a", "")), knows(branch)),
		"what is no message":  transport.Overloaded([]byte("INVITE sip:x SIP/2.0\r\n\r\n"), knows("other")),
		"a malformed request": transport.Overloaded([]byte("INVITE sip:x SIP/2.0\r\nVia: x\r\n\r\n"), knows("other")),
	} {
		if b != nil {
			t.Errorf("%s gets\n%s", name, b)
		}
	}
}
