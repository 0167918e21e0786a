package relay

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchPackets = 32
	maxPacket    = 2048 // bytes; a longer one is cut by the kernel and dropped here
)

// mmsghdr is one message of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// batch is room for the packets of one system call. Nothing in it moves: the kernel is given its addresses.
type batch struct {
	in, out [batchPackets]mmsghdr
	vec     [batchPackets]unix.Iovec
	gone    [batchPackets]unix.Iovec // what is sent
	names   [batchPackets]sockaddr
	data    [batchPackets][maxPacket]byte
}

func (b *batch) init() {
	for i := range b.in {
		b.vec[i].Base = &b.data[i][0]
		b.in[i].hdr.Iov, b.out[i].hdr.Iov = &b.vec[i], &b.gone[i]
		b.in[i].hdr.SetIovlen(1)
		b.out[i].hdr.SetIovlen(1)
		b.in[i].hdr.Name = &b.names[i].b[0]
	}
}

// one takes one packet: what a socket nearly always has, and cheaper than a batch of one.
func (b *batch) one(fd int) int {
	b.in[0].hdr.Namelen = unix.SizeofSockaddrInet6
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b.data[0])), maxPacket, unix.MSG_DONTWAIT|unix.MSG_TRUNC,
		uintptr(unsafe.Pointer(&b.names[0].b)), uintptr(unsafe.Pointer(&b.in[0].hdr.Namelen)))
	if e != 0 {
		return 0
	}
	b.in[0].n, b.in[0].hdr.Flags = uint32(n), 0
	if n > maxPacket {
		b.in[0].hdr.Flags = unix.MSG_TRUNC
	}
	return 1
}

// receive takes what has arrived, at most batchPackets, and never waits.
func (b *batch) receive(fd int) int {
	for i := range b.in {
		b.vec[i].SetLen(maxPacket)
		b.in[i].hdr.Namelen = unix.SizeofSockaddrInet6
	}
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.in[0])), batchPackets, unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

// packet is the i-th one received and where it came from; empty when it was too long.
func (b *batch) packet(i int) ([]byte, netip.AddrPort) {
	if b.in[i].hdr.Flags&unix.MSG_TRUNC != 0 {
		return nil, netip.AddrPort{}
	}
	return b.data[i][:b.in[i].n], b.names[i].addr()
}

// keep makes the i-th packet received the k-th to be sent.
func (b *batch) keep(k, i int) {
	b.gone[k].Base = &b.data[i][0]
	b.gone[k].SetLen(int(b.in[i].n))
}

// send sends n packets that were kept, on a connected socket where to is nil, and returns how many the kernel took.
func (b *batch) send(fd int, to *sockaddr, n int) int {
	var name *byte
	var size uint32
	if to != nil {
		name, size = &to.b[0], to.n
	}
	if n == 1 {
		_, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(b.gone[0].Base)), uintptr(b.gone[0].Len), unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(name)), uintptr(size))
		if e != 0 {
			return 0
		}
		return 1
	}
	for i := range n {
		b.out[i].hdr.Name, b.out[i].hdr.Namelen = name, size
	}
	sent, _, e := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.out[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0
	}
	return int(sent)
}

// sockaddr is a socket address as the kernel reads and writes it.
type sockaddr struct {
	b [unix.SizeofSockaddrInet6]byte
	n uint32
}

// set writes an address for a socket that is an IPv6 one or not; IPv6 sockets reach IPv4 by mapped addresses.
func (a *sockaddr) set(to netip.AddrPort, six bool) {
	*a = sockaddr{}
	binary.BigEndian.PutUint16(a.b[2:], to.Port())
	if six {
		a.n = unix.SizeofSockaddrInet6
		binary.NativeEndian.PutUint16(a.b[0:], unix.AF_INET6)
		*(*[16]byte)(a.b[8:]) = to.Addr().As16()
		return
	}
	a.n = unix.SizeofSockaddrInet4
	binary.NativeEndian.PutUint16(a.b[0:], unix.AF_INET)
	if v4 := to.Addr().Unmap(); v4.Is4() {
		*(*[4]byte)(a.b[4:]) = v4.As4()
	}
}

func (a *sockaddr) addr() netip.AddrPort {
	port := binary.BigEndian.Uint16(a.b[2:])
	if binary.NativeEndian.Uint16(a.b[:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a.b[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(a.b[8:24])).Unmap(), port)
}
