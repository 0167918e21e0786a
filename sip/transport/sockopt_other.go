//go:build !linux

package transport

import (
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Elsewhere than on Linux the layer works for development: one socket per address, and on a wildcard bind the system
// chooses the address an answer leaves from.
func reusePort(syscall.RawConn) error { return nil }

func growBuffers(c *net.UDPConn, n int) {
	_ = c.SetReadBuffer(n)
	_ = c.SetWriteBuffer(n)
}

func readNow(fd int, b []byte) (int, error) { return syscall.Read(fd, b) }

func writeNow(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }

func acknowledged(syscall.RawConn) (uint64, bool, bool) { return 0, false, false }

func askLocalAddress(*net.UDPConn) error { return nil }

func toAddress(_ []byte, fallback netip.Addr) netip.Addr { return fallback }

func askArrival(*net.UDPConn) {}

func arrival([]byte) (time.Time, bool) { return time.Time{}, false }

func fromAddress(netip.Addr, bool) []byte { return nil }

func openFiles() int { return 1024 }
