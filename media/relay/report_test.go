package relay_test

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"sipward/media/relay"
)

// Loss, quality and round trip are measured from headers and clear RTCP.
func TestReport(t *testing.T) {
	t.Parallel()
	alice, bob := clearCall(t)
	talk(t, alice, bob)
	for i := range 100 {
		if i%10 == 0 {
			bob.skip() // one in eleven is lost
		}
		hears(t, alice.conn, bob.send("sound"))
	}
	control := stranger(t, "127.0.0.1")
	far := stranger(t, "127.0.0.2")
	const ntp = 0x1234567890ABCDEF
	sender, err := (&rtcp.SenderReport{SSRC: bob.ssrc, NTPTime: ntp}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	receiver, err := (&rtcp.ReceiverReport{SSRC: alice.ssrc, Reports: []rtcp.ReceptionReport{{
		SSRC: bob.ssrc, FractionLost: 64, LastSenderReport: ntp >> 16 & 0xFFFFFFFF,
	}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	alice.writeRTCP(control, alice.report())
	bob.writeRTCP(far, bob.report())
	hearsAny(t, control, func() { bob.writeRTCP(far, sender) })
	bob.writeRTCP(far, sender)
	hears(t, control, sender)
	alice.writeRTCP(control, receiver)
	hears(t, far, receiver)
	r := alice.call.Close()
	if r.Callee.Lost < 10 || r.Callee.Packets < 100 || r.Callee.MOS < 1 || r.Callee.MOS > r.Caller.MOS {
		t.Errorf("bob's media: %+v, alice's: %+v", r.Callee, r.Caller)
	}
	if r.Caller.MOS < 3.5 || r.Caller.Lost != 0 {
		t.Errorf("alice's media lost nothing: %+v", r.Caller)
	}
	if r.Caller.RTT <= 0 || r.Caller.RTT > float64(time.Minute/time.Millisecond) || r.Caller.Missed != 0.25 {
		t.Errorf("alice's RTCP: %+v", r.Caller)
	}
	if again := alice.call.Close(); again != (relay.Report{}) {
		t.Error("a call ends twice")
	}
}
