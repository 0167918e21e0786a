package relay_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"sipward/media/relay"
)

// Only what names an address is rewritten; the table shows offers as they come and as the other phone gets them. PORT is
// the even port we gave it, PORT+1 the one above.
func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, out string }{
		{
			"audio with keys",
			"v=0|o=a 1 1 IN IP4 10.0.0.1|s=-|c=IN IP4 10.0.0.1|t=0 0|m=audio 4000 RTP/SAVP 0 8|a=rtpmap:0 PCMU/8000|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|a=sendrecv|",
			"v=0|o=a 1 1 IN IP4 10.0.0.1|s=-|c=IN IP4 192.0.2.9|t=0 0|m=audio PORT RTP/SAVP 0 8|a=rtpmap:0 PCMU/8000|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|a=sendrecv|",
		},
		{
			"fingerprint and ZRTP hash stay, a=rtcp is ours",
			"v=0|c=IN IP4 10.0.0.1|m=audio 4000 UDP/TLS/RTP/SAVPF 0|a=fingerprint:sha-256 AA:BB|a=setup:actpass|a=zrtp-hash:1.10 fe30|a=rtcp:4001 IN IP4 10.0.0.1|a=rtcp-fb:* nack|",
			"v=0|c=IN IP4 192.0.2.9|m=audio PORT UDP/TLS/RTP/SAVPF 0|a=fingerprint:sha-256 AA:BB|a=setup:actpass|a=zrtp-hash:1.10 fe30|a=rtcp:PORT+1 IN IP4 192.0.2.9|a=rtcp-fb:* nack|",
		},
		{
			"rtcp-mux on one port",
			"v=0|c=IN IP4 10.0.0.1|m=audio 4000 RTP/AVP 0|a=rtcp-mux|a=rtcp:4000|",
			"v=0|c=IN IP4 192.0.2.9|m=audio PORT RTP/AVP 0|a=rtcp-mux|a=rtcp:PORT|",
		},
		{
			"rtcp-mux offered with a port for those who cannot",
			"v=0|c=IN IP4 10.0.0.1|m=audio 4000 RTP/AVP 0|a=rtcp-mux|a=rtcp:4001|",
			"v=0|c=IN IP4 192.0.2.9|m=audio PORT RTP/AVP 0|a=rtcp-mux|a=rtcp:PORT+1|",
		},
		{
			"hold by address stays",
			"v=0|c=IN IP4 0.0.0.0|m=audio 4000 RTP/AVP 0|a=inactive|",
			"v=0|c=IN IP4 0.0.0.0|m=audio PORT RTP/AVP 0|a=inactive|",
		},
		{
			"a line of its own address, one switched off, one that is no RTP",
			"v=0|c=IN IP4 10.0.0.1|m=audio 4000 RTP/AVP 0|c=IN IP4 10.0.0.2|m=video 0 RTP/AVP 96|m=message 9 TCP/MSRP *|a=path:msrp://x|",
			"v=0|c=IN IP4 192.0.2.9|m=audio PORT RTP/AVP 0|c=IN IP4 192.0.2.9|m=video 0 RTP/AVP 96|c=IN IP4 10.0.0.1|m=message 9 TCP/MSRP *|c=IN IP4 10.0.0.1|a=path:msrp://x|",
		},
		{
			"ICE goes",
			"v=0|c=IN IP4 10.0.0.1|a=ice-lite|m=audio 4000 RTP/AVP 0|a=ice-ufrag:x|a=ice-pwd:y|a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host|a=ptime:20|",
			"v=0|c=IN IP4 192.0.2.9|m=audio PORT RTP/AVP 0|a=ptime:20|",
		},
		{
			"two lines, each with ports of its own",
			"v=0|c=IN IP4 10.0.0.1|m=audio 4000 RTP/AVP 0|a=rtcp:4001|m=video 4002 RTP/AVP 96|b=AS:500|a=rtpmap:96 H264/90000|",
			"v=0|c=IN IP4 192.0.2.9|m=audio PORT RTP/AVP 0|a=rtcp:PORT+1|m=video VIDEO RTP/AVP 96|b=AS:500|a=rtpmap:96 H264/90000|",
		},
		{
			"IPv6 towards IPv4",
			"v=0|c=IN IP6 2001:db8::1|m=audio 4000 RTP/AVP 0|",
			"v=0|c=IN IP4 192.0.2.9|m=audio PORT RTP/AVP 0|",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call := open(t, newRelay(t), lines(c.in))
			got := pass(t, call, relay.Caller, "10.0.0.1", lines(c.in))
			if strings.Contains(c.out, "VIDEO") {
				c.out = strings.ReplaceAll(c.out, "VIDEO", portText(call.Port(1, relay.Callee)))
			}
			want := strings.ReplaceAll(c.out, "PORT+1", portText(call.Port(0, relay.Callee)+1))
			if want = lines(strings.ReplaceAll(want, "PORT", portText(call.Port(0, relay.Callee)))); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			if again := pass(t, call, relay.Caller, "10.0.0.1", lines(c.in)); again != got {
				t.Errorf("a retransmission became\n%s", again)
			}
		})
	}
}

// With ICE the phone's candidates stay, and ours is the last of them; a line without ICE is as ever.
func TestRewriteWithICE(t *testing.T) {
	t.Parallel()
	in := lines("v=0|c=IN IP4 10.0.0.1|a=ice-ufrag:x|a=ice-pwd:y|m=audio 4000 RTP/AVP 0|a=ptime:20|a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host|" +
		"a=candidate:1 2 UDP 2130706430 10.0.0.1 4001 typ host|")
	call, err := newRelay(t).Open([]byte(in), relay.Terms{ICE: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { call.Close() })
	port := call.Port(0, relay.Callee)
	ours := fmt.Sprintf("a=candidate:sipward 1 UDP 511 192.0.2.9 %d typ relay raddr 0.0.0.0 rport 0|a=candidate:sipward 2 UDP 510 192.0.2.9 %d typ relay raddr 0.0.0.0 rport 0|",
		port, port+1)
	want := strings.NewReplacer("c=IN IP4 10.0.0.1", "c=IN IP4 192.0.2.9", "m=audio 4000", "m=audio "+portText(port)).Replace(in)
	want = strings.Replace(want, "a=candidate:1 1", lines(ours)+"a=candidate:1 1", 1)
	if got := pass(t, call, relay.Caller, "10.0.0.1", in); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	answer := lines("v=0|c=IN IP4 10.0.0.2|m=audio 5000 RTP/AVP 0|")
	if got := pass(t, call, relay.Callee, "10.0.0.2", answer); strings.Contains(got, "candidate") || !strings.Contains(got, "192.0.2.9") {
		t.Errorf("an answer without ICE became\n%s", got)
	}
}

// What is no description passes as it is, with an error.
func TestNoDescription(t *testing.T) {
	t.Parallel()
	call := open(t, newRelay(t), "")
	in := "m=audio\r\n"
	out, err := call.Pass(relay.Origin{Side: relay.Caller, Host: netip.MustParseAddr("10.0.0.1")}, netip.MustParseAddr("192.0.2.9"), []byte(in))
	if err == nil || string(out) != in {
		t.Errorf("%q, %v", out, err)
	}
}

func lines(s string) string { return strings.ReplaceAll(s, "|", "\r\n") }
