package transport

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is the kernel's struct mmsghdr (recvmmsg(2)).
type mmsghdr struct {
	head unix.Msghdr
	n    uint32
}

// batch reads or writes many packets with one system call and without allocating. The calls never block, so the
// scheduler is told nothing of them: it would take a call of many packets for a blocked one, and give its processor to
// another thread for nothing.
type batch struct {
	raw   syscall.RawConn
	heads []mmsghdr
	vecs  []unix.Iovec
	names []peerName // of senders, when reading
	call  func(fd uintptr) bool

	from, to int // the part of heads that call works on
	n        int // result of call
	err      syscall.Errno
}

// peerName is a socket address as the kernel reads it.
type peerName struct {
	b [unix.SizeofSockaddrInet6]byte
	n uint32
}

// nameOf makes the address for a socket; wide: of family IPv6, which reaches IPv4 by mapped addresses.
func nameOf(to netip.AddrPort, wide bool) (p peerName) {
	if a := to.Addr().Unmap(); !wide && a.Is4() {
		p.n = unix.SizeofSockaddrInet4
		binary.NativeEndian.PutUint16(p.b[0:], unix.AF_INET)
		binary.BigEndian.PutUint16(p.b[2:], to.Port())
		*(*[4]byte)(p.b[4:]) = a.As4()
		return p
	}
	p.n = unix.SizeofSockaddrInet6
	binary.NativeEndian.PutUint16(p.b[0:], unix.AF_INET6)
	binary.BigEndian.PutUint16(p.b[2:], to.Port())
	*(*[16]byte)(p.b[8:]) = to.Addr().As16()
	if scope, err := strconv.ParseUint(to.Addr().Zone(), 10, 32); err == nil {
		binary.NativeEndian.PutUint32(p.b[24:], uint32(scope))
	}
	return p
}

// addr is the address of a packet that was read.
func (p *peerName) addr() netip.AddrPort {
	port := binary.BigEndian.Uint16(p.b[2:])
	if binary.NativeEndian.Uint16(p.b[:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p.b[4:8])), port)
	}
	a := netip.AddrFrom16([16]byte(p.b[8:24])).Unmap()
	if scope := binary.NativeEndian.Uint32(p.b[24:]); scope != 0 && a.Is6() {
		a = a.WithZone(strconv.FormatUint(uint64(scope), 10)) // a link-local phone
	}
	return netip.AddrPortFrom(a, port)
}

func newBatch(c *net.UDPConn, size int) (*batch, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &batch{raw: raw, heads: make([]mmsghdr, size), vecs: make([]unix.Iovec, size)}
	for i := range b.heads {
		b.heads[i].head.Iov = &b.vecs[i]
		b.heads[i].head.SetIovlen(1)
	}
	return b, nil
}

// newReader makes a batch that reads packets of up to space bytes, with control messages of up to control bytes.
func newReader(c *net.UDPConn, size, space, control int) (*batch, error) {
	b, err := newBatch(c, size)
	if err != nil {
		return nil, err
	}
	b.names = make([]peerName, size)
	for i := range b.heads {
		text := make([]byte, space) // touched only as far as packets reach
		b.vecs[i].Base = &text[0]
		b.vecs[i].SetLen(space)
		b.heads[i].head.Name = &b.names[i].b[0]
		if control > 0 {
			oob := make([]byte, control)
			b.heads[i].head.Control = &oob[0]
		}
	}
	b.call = func(fd uintptr) bool {
		for i := range b.heads[:b.to] { // what the kernel changed last time
			b.heads[i].head.Namelen = uint32(len(b.names[i].b))
			b.heads[i].head.SetControllen(control)
		}
		b.syscall(unix.SYS_RECVMMSG, fd)
		return b.err != unix.EAGAIN
	}
	return b, nil
}

// newWriter makes a batch that writes.
func newWriter(c *net.UDPConn, size int) (*batch, error) {
	b, err := newBatch(c, size)
	if err != nil {
		return nil, err
	}
	b.call = func(fd uintptr) bool {
		b.syscall(unix.SYS_SENDMMSG, fd)
		return true // never wait for the poller
	}
	return b, nil
}

func (b *batch) syscall(number, fd uintptr) {
	for {
		n, _, e := syscall.RawSyscall6(number, fd, uintptr(unsafe.Pointer(&b.heads[b.from])), uintptr(b.to-b.from), unix.MSG_DONTWAIT, 0, 0)
		if b.n, b.err = int(n), e; e != unix.EINTR {
			return
		}
	}
}

// read waits for packets and returns how many came.
func (b *batch) read() (int, error) {
	b.from, b.to = 0, len(b.heads)
	if err := b.raw.Read(b.call); err != nil {
		return 0, err
	}
	if b.err != 0 {
		return 0, b.err
	}
	return b.n, nil
}

// packet is one that was read: its bytes, its sender and its control message, all valid until the next read.
func (b *batch) packet(i int) (p []byte, from netip.AddrPort, oob []byte) {
	h := &b.heads[i]
	if n := int(h.head.Controllen); n > 0 && h.head.Control != nil {
		oob = unsafe.Slice(h.head.Control, n)
	}
	return unsafe.Slice(b.vecs[i].Base, int(h.n)), b.names[i].addr(), oob
}

// set lays out the packet to be written at place i; to, oob and p must stay as they are until written. p is not empty.
func (b *batch) set(i int, to *peerName, oob, p []byte) {
	h := &b.heads[i].head
	h.Name, h.Namelen = &to.b[0], to.n
	h.Control = nil
	if len(oob) > 0 {
		h.Control = &oob[0]
	}
	h.SetControllen(len(oob))
	b.vecs[i].Base = &p[0]
	b.vecs[i].SetLen(len(p))
}

// write sends the packets at from to to, and returns how many left.
func (b *batch) write(from, to int) (int, error) {
	b.from, b.to = from, to
	if err := b.raw.Write(b.call); err != nil {
		return 0, err
	}
	if b.err != 0 {
		return 0, b.err
	}
	return b.n, nil
}

// release lets go of the packets laid out at the first n places.
func (b *batch) release(n int) {
	for i := range n {
		b.heads[i].head.Name, b.heads[i].head.Control, b.vecs[i].Base = nil, nil, nil
	}
}
