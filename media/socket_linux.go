package media

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tosVoice marks packets as DSCP EF (RFC 4594 section 4.1), which switches and access points put ahead of data.
const tosVoice = 46 << 2

// bindPair binds RTP and RTCP. The sockets stay out of Go's poller: phones send to announcement ports all the time, and
// each packet would wake the process for nothing. The pacer looks by itself, and only until it knows the phone.
func bindPair(ip netip.Addr, port uint16) (*Lease, error) {
	rtp, err := bindUDP(ip, port)
	if err != nil {
		return nil, err
	}
	rtcp, err := bindUDP(ip, port+1)
	if err != nil {
		_ = unix.Close(rtp)
		return nil, err
	}
	return &Lease{addr: netip.AddrPortFrom(ip, port), rtp: rtp, rtcp: rtcp}, nil
}

func bindUDP(ip netip.Addr, port uint16) (int, error) { return openUDP(ip, port, false) }

func openUDP(ip netip.Addr, port uint16, reuse bool) (int, error) {
	family := unix.AF_INET
	if ip.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open socket: %w", err)
	}
	if ip.Is6() {
		v6only := 1
		if ip.IsUnspecified() {
			v6only = 0
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v6only)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, tosVoice)
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, tosVoice)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, pollBuffer)
	if reuse {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(ip, port))); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// The receive buffers, in bytes of kernel memory (a packet takes about 770; Linux doubles the figure).
const (
	pollBuffer   = 16 << 10  // between two looks of the pacer
	recordBuffer = 256 << 10 // while a Recorder listens
)

// deafen keeps sockets that nobody reads any more from storing what the phone goes on sending. A Recorder reads.
func (l *Lease) deafen() {
	if !l.reader.Load() {
		_ = unix.SetsockoptInt(l.rtp, unix.SOL_SOCKET, unix.SO_RCVBUF, 0)
	}
}

// hear gives the port back to the one socket that hears everybody.
func (l *Lease) hear() {
	l.Everybody()
	if !l.reader.Load() {
		_ = unix.SetsockoptInt(l.rtp, unix.SOL_SOCKET, unix.SO_RCVBUF, pollBuffer)
	}
}

// toward gives a second socket of the RTP port that is connected to to, or connects the one there is elsewhere. Two
// sockets may share a port only while both say SO_REUSEADDR, and they say it only here: nobody else gets in.
func (l *Lease) toward(to *rawAddr) (int, error) {
	if l.aimed == 0 {
		fd, err := l.share()
		if err != nil {
			return 0, err
		}
		l.aimed = fd
	}
	if e := connect(l.aimed, to); e != 0 {
		l.hear()
		return 0, e
	}
	return l.aimed, nil
}

func (l *Lease) share() (int, error) {
	if err := unix.SetsockoptInt(l.rtp, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	fd, err := openUDP(l.addr.Addr(), l.addr.Port(), true)
	_ = unix.SetsockoptInt(l.rtp, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
	if err == nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
	}
	return fd, err
}

// quiet keeps a resting socket from storing what still arrives: the kernel's smallest buffer holds a packet or two.
func (l *Lease) quiet() {
	_ = unix.SetsockoptInt(l.rtp, unix.SOL_SOCKET, unix.SO_RCVBUF, 0)
	_ = unix.SetsockoptInt(l.rtcp, unix.SOL_SOCKET, unix.SO_RCVBUF, 0)
}

func (l *Lease) close() {
	if l.aimed > 0 {
		_ = unix.Close(l.aimed)
	}
	_ = unix.Close(l.rtp)
	_ = unix.Close(l.rtcp)
}

// rawAddr is a socket address as the kernel reads it, kept in its stream so that sending allocates nothing.
type rawAddr struct {
	b [unix.SizeofSockaddrInet6]byte
	n uint32
}

// set prepares the address for a socket of the family of local: an IPv6 socket reaches IPv4 by mapped addresses.
func (r *rawAddr) set(to netip.AddrPort, local netip.Addr) {
	*r = rawAddr{}
	if local.Is4() {
		r.n = unix.SizeofSockaddrInet4
		binary.NativeEndian.PutUint16(r.b[0:], unix.AF_INET)
		binary.BigEndian.PutUint16(r.b[2:], to.Port())
		a := to.Addr().Unmap()
		if a.Is4() {
			*(*[4]byte)(r.b[4:]) = a.As4()
		}
		return
	}
	r.n = unix.SizeofSockaddrInet6
	binary.NativeEndian.PutUint16(r.b[0:], unix.AF_INET6)
	binary.BigEndian.PutUint16(r.b[2:], to.Port())
	*(*[16]byte)(r.b[8:]) = to.Addr().As16()
}

// send is one packet, one system call, without a word to the scheduler: the socket never blocks. A nil address sends
// on a connected socket.
func send(fd int, p []byte, to *rawAddr) syscall.Errno {
	var name unsafe.Pointer
	var n uint32
	if to != nil {
		name, n = unsafe.Pointer(&to.b), to.n
	}
	_, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), 0, uintptr(name), uintptr(n))
	return e
}

// receive takes one packet that is there already, else returns EAGAIN.
func receive(fd int, p []byte) (int, netip.AddrPort, syscall.Errno) {
	var name [unix.SizeofSockaddrInet6]byte
	size := uint32(len(name))
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return 0, netip.AddrPort{}, e
	}
	return int(n), addrOf(&name), 0
}

func addrOf(name *[unix.SizeofSockaddrInet6]byte) netip.AddrPort {
	port := binary.BigEndian.Uint16(name[2:])
	if binary.NativeEndian.Uint16(name[:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(name[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(name[8:24])).Unmap(), port)
}

// connect lets the kernel remember the route and drop packets from anywhere else.
func connect(fd int, to *rawAddr) syscall.Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to.b)), uintptr(to.n))
	return e
}
