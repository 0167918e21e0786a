package relay_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"sipward/media/relay"
)

// An owner has so many lines relayed: one call more is refused, a line more of a call is switched off, and what ends is
// free again. Others are not held up.
func TestLinesOfAnOwner(t *testing.T) {
	t.Parallel()
	r, ports := serve(t, relay.Config{PerOwner: 2}, 20000, 59999)
	alice := relay.Terms{Owner: "alice"}
	first, err := r.Open([]byte(offerText), alice)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Open([]byte(offerText), alice)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open([]byte(offerText), alice); !errors.Is(err, relay.ErrTooMany) {
		t.Errorf("a third line: %v, want ErrTooMany", err)
	}
	if _, err := r.Open([]byte(offerText+"m=video 4002 RTP/AVP 96\r\n"), relay.Terms{Owner: "bob"}); err != nil {
		t.Errorf("two lines of another owner: %v", err)
	}
	before := ports.Leased()
	out, err := second.Pass(relay.Origin{Side: relay.Caller, Host: loopback}, netip.MustParseAddr("192.0.2.9"), []byte(offerText+"m=video 4002 RTP/AVP 96\r\n"))
	if !errors.Is(err, relay.ErrTooMany) || !strings.Contains(string(out), "m=video 0 ") || ports.Leased() != before {
		t.Errorf("a line more: %v, %d pairs instead of %d\n%s", err, ports.Leased(), before, out)
	}
	first.Close()
	if third, err := r.Open([]byte(offerText), alice); err != nil {
		t.Errorf("after one ended: %v", err)
	} else {
		third.Close()
	}
}
