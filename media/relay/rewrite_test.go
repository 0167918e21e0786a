package relay_test

import (
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
			"IPv6 towards IPv4",
			"v=0|c=IN IP6 2001:db8::1|m=audio 4000 RTP/AVP 0|",
			"v=0|c=IN IP4 192.0.2.9|m=audio PORT RTP/AVP 0|",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call := open(t, newRelay(t), lines(c.in))
			got := pass(t, call, relay.Caller, "10.0.0.1", lines(c.in))
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
