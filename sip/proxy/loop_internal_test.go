package proxy

import (
	"testing"

	gosip "github.com/emiago/sipgo/sip"
)

// Loops are found by every branch of ours, also by the one in sixty whose random part begins like the mark before the
// digest; such a request was once taken for a new one.
func TestLoopedByEveryBranch(t *testing.T) {
	t.Parallel()
	for _, random := range []string{"z9hG4bK.Ac3SndY17GfSZalv", "z9hG4bK.l2GfSZalv3SndY17"} {
		req := looping(t)
		branch := string(appendLoopDigest([]byte(random+loopMark), req))
		req.PrependHeader(via(branch))
		req.PrependHeader(via("z9hG4bKloop"))
		if !new(Core).Looped(req) {
			t.Errorf("not seen by %s", branch)
		}
		req.CSeq().SeqNo++
		if new(Core).Looped(req) {
			t.Errorf("another request is taken for a loop by %s", branch)
		}
	}
	for range 500 { // as they are made
		req := looping(t)
		branch := new(Core).branch(req)
		req.PrependHeader(via(branch))
		if !new(Core).Looped(req) {
			t.Fatalf("not seen by %s", branch)
		}
	}
}

func via(branch string) *gosip.ViaHeader {
	return &gosip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: "192.0.2.1", Port: 5060,
		Params: gosip.HeaderParams{{K: "branch", V: branch}}}
}

func looping(t *testing.T) *gosip.Request {
	t.Helper()
	msg, err := gosip.ParseMessage([]byte("INVITE sip:1002@sipward.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKphone\r\n" +
		"From: <sip:1001@sipward.test>;tag=a\r\nTo: <sip:1002@sipward.test>\r\nCall-ID: circle\r\nCSeq: 2 INVITE\r\nMax-Forwards: 69\r\nContent-Length: 0\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return msg.(*gosip.Request)
}
