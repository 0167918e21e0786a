package relay_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"sipward/media/relay"
)

// phone is one end of a call: a socket, a key, and a stream of packets.
type phone struct {
	t    testing.TB
	conn *net.UDPConn
	side relay.Side
	host string // where its signalling comes from
	call *relay.Call
	ctx  *srtp.Context // nil: clear RTP
	ssrc uint32
	seq  uint16
}

// patience bounds what a test waits for; a passing one waits for nothing but packets.
const patience = 30 * time.Second

// newPhone is a phone at an address of loopback.
func newPhone(t testing.TB, call *relay.Call, side relay.Side, ip string) *phone {
	t.Helper()
	p := &phone{t: t, side: side, host: ip, call: call, ssrc: 0x1000 + uint32(side), seq: 100}
	p.move(ip)
	return p
}

// move gives the phone another socket, as a change of its network does; the former one is returned.
func (p *phone) move(ip string) *net.UDPConn {
	p.t.Helper()
	former := p.conn
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	p.conn = conn
	return former
}

func (p *phone) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// describe sends the phone's description, which names the address at, through the call.
func (p *phone) describe(at netip.AddrPort, attributes ...string) {
	p.t.Helper()
	profile := "RTP/AVP"
	if strings.Contains(strings.Join(attributes, ""), "crypto") {
		profile = "RTP/SAVP"
	}
	sdp := fmt.Sprintf("v=0\r\nc=IN IP4 %s\r\nm=audio %d %s 0\r\n", at.Addr(), at.Port(), profile)
	for _, a := range attributes {
		sdp += "a=" + a + "\r\n"
	}
	pass(p.t, p.call, p.side, p.host, sdp)
}

// key makes an a=crypto attribute with a key of its own, under which the phone sends from now on.
func (p *phone) key(suite string, fill byte) string {
	p.t.Helper()
	profile := map[string]srtp.ProtectionProfile{
		"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
		"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
		"AES_256_CM_HMAC_SHA1_80": srtp.ProtectionProfileAes256CmHmacSha1_80,
		"AES_256_CM_HMAC_SHA1_32": srtp.ProtectionProfileAes256CmHmacSha1_32,
		"AEAD_AES_128_GCM":        srtp.ProtectionProfileAeadAes128Gcm,
		"AEAD_AES_256_GCM":        srtp.ProtectionProfileAeadAes256Gcm,
	}[suite]
	keyLen, _ := profile.KeyLen()
	saltLen, _ := profile.SaltLen()
	secret := make([]byte, keyLen+saltLen)
	for i := range secret {
		secret[i] = fill + byte(i)
	}
	ctx, err := srtp.CreateContext(secret[:keyLen], secret[keyLen:], profile)
	if err != nil {
		p.t.Fatal(err)
	}
	p.ctx = ctx
	return "crypto:1 " + suite + " inline:" + base64.StdEncoding.EncodeToString(secret)
}

// packet is the next packet of the phone's stream.
func (p *phone) packet(payload string) []byte {
	p.t.Helper()
	p.seq++
	raw, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: p.ssrc, SequenceNumber: p.seq, Timestamp: uint32(p.seq) * 160}, Payload: []byte(payload)}).Marshal()
	if err == nil && p.ctx != nil {
		raw, err = p.ctx.EncryptRTP(nil, raw, nil)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}

// report is an RTCP packet of the phone's.
func (p *phone) report() []byte {
	p.t.Helper()
	raw, err := (&rtcp.ReceiverReport{SSRC: p.ssrc}).Marshal()
	if err == nil && p.ctx != nil {
		raw, err = p.ctx.EncryptRTCP(nil, raw, nil)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}

// send sends the next packet to the port that the phone was told.
func (p *phone) send(payload string) []byte {
	p.t.Helper()
	raw := p.packet(payload)
	p.write(p.conn, raw)
	return raw
}

// write sends a raw packet from a socket to the phone's own port of the relay.
func (p *phone) write(from *net.UDPConn, raw []byte) {
	p.t.Helper()
	to := netip.AddrPortFrom(loopback, uint16(p.call.Port(0, p.side)))
	if _, err := from.WriteToUDPAddrPort(raw, to); err != nil {
		p.t.Fatal(err)
	}
}

// hears waits for exactly this packet; others before it are passed over.
func hears(t testing.TB, conn *net.UDPConn, want []byte) {
	t.Helper()
	buf := make([]byte, 2048)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("the packet did not come: %v", err)
		}
		if string(buf[:n]) == string(want) {
			return
		}
	}
}

// deaf fails if anything has come.
func deaf(t testing.TB, who string, conn *net.UDPConn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now())
	if _, err := conn.Read(make([]byte, 2048)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: got a packet (%v)", who, err)
	}
}

// until sends packets of one phone until the other hears one: the first may be needed to be found at all.
func until(t testing.TB, from, to *phone) {
	t.Helper()
	buf := make([]byte, 2048)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); to.send("both talk") {
		raw := from.send("until")
		_ = to.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		for {
			n, err := to.conn.Read(buf)
			if err == nil && string(buf[:n]) == string(raw) {
				return
			}
			if err != nil {
				break
			}
		}
	}
	t.Fatal("nothing comes through")
}

// talk makes both hear each other.
func talk(t testing.TB, a, b *phone) {
	t.Helper()
	// The first packets find a phone that nobody can be sent to yet.
	a.send("hello")
	a.send("hello")
	until(t, b, a)
	until(t, a, b)
}

func stranger(t testing.TB, ip string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
