package snom

import (
	"errors"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// listenGroup opens a socket that takes what is sent to the group on one interface, and nothing else. The standard
// library would bind the port on all addresses, which takes it from the SIP node and packets that are not for us.
func listenGroup(i net.Interface, group netip.AddrPort) (net.PacketConn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "pnp "+i.Name)
	defer func() { _ = file.Close() }() // the connection has a copy
	address := group.Addr().As4()
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), // one socket for each interface
		unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0),
		unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: address, Ifindex: int32(i.Index)}),
		unix.Bind(fd, &unix.SockaddrInet4{Port: int(group.Port()), Addr: address}),
	)
	if err != nil {
		return nil, err
	}
	return net.FilePacketConn(file)
}
