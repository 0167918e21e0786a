package media_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// ear is a bare socket on loopback that never blocks, so that it works under synctest's clock.
type ear struct {
	fd   int
	addr netip.AddrPort
	rtcp bool // wants RTCP as well; else that of a neighbouring port's stream is no surprise
	buf  [2048]byte
}

func newEar(t testing.TB, ip string) *ear {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(ip).As4()}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return &ear{fd: fd, addr: netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(name.(*unix.SockaddrInet4).Port))}
}

// next is the next packet that is there already, or nil.
func (e *ear) next() []byte {
	for {
		n, _, err := unix.Recvfrom(e.fd, e.buf[:], 0)
		if err != nil {
			return nil
		}
		if e.rtcp || n < 2 || e.buf[1] < 192 || e.buf[1] > 223 {
			return e.buf[:n]
		}
	}
}

// count empties the socket.
func (e *ear) count() (n int) {
	for e.next() != nil {
		n++
	}
	return n
}

func (e *ear) send(t testing.TB, p []byte, to netip.AddrPort) {
	t.Helper()
	if err := unix.Sendto(e.fd, p, 0, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil && err != unix.EAGAIN {
		t.Errorf("send to %s: %v", to, err)
	}
}

// header of an RTP packet.
type header struct {
	marker bool
	pt     uint8
	seq    uint16
	ticks  uint32
	ssrc   uint32
}

func parseRTP(p []byte) header {
	return header{p[1]&0x80 != 0, p[1] & 0x7F, binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint32(p[4:]), binary.BigEndian.Uint32(p[8:])}
}

// rtpPacket is a phone's packet of clear RTP.
func rtpPacket(pt uint8, seq uint16, ssrc uint32) []byte {
	p := make([]byte, 172)
	p[0], p[1] = 0x80, pt
	binary.BigEndian.PutUint16(p[2:], seq)
	binary.BigEndian.PutUint32(p[4:], uint32(seq)*160)
	binary.BigEndian.PutUint32(p[8:], ssrc)
	return p
}
