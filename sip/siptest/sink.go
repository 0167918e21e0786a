package siptest

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Sink is a UDP socket on loopback that tells when datagrams came by the kernel's clock, however late the test gets to
// read them.
type Sink struct {
	conn *net.UDPConn
}

// NewSink opens a sink; the test closes it.
func NewSink(t testing.TB) *Sink {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var fault error
	if err := raw.Control(func(fd uintptr) {
		fault = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}); err != nil || fault != nil {
		t.Fatal(err, fault)
	}
	return &Sink{conn: conn}
}

// Port is the one it listens on.
func (s *Sink) Port() int { return s.conn.LocalAddr().(*net.UDPAddr).Port }

// Next waits for a datagram and returns when it came; the zero time when none comes in time.
func (s *Sink) Next(within time.Duration) time.Time {
	var data [1500]byte
	var control [64]byte
	_ = s.conn.SetReadDeadline(time.Now().Add(within))
	_, n, _, _, err := s.conn.ReadMsgUDP(data[:], control[:])
	if err != nil {
		return time.Time{}
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		return time.Time{}
	}
	for _, m := range messages {
		if ts, ok := timestamp(m); ok {
			return ts
		}
	}
	return time.Now()
}

// timestamp reads a struct timespec of two 64-bit words, as 64-bit Linux has it.
func timestamp(m unix.SocketControlMessage) (time.Time, bool) {
	if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SO_TIMESTAMPNS || len(m.Data) < 16 {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))), true
}
