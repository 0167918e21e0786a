//go:build !linux

package snom

import (
	"net"
	"net/netip"
)

// listenGroup, elsewhere than on Linux, takes the port on all addresses.
func listenGroup(i net.Interface, group netip.AddrPort) (net.PacketConn, error) {
	return net.ListenMulticastUDP("udp4", &i, net.UDPAddrFromAddrPort(group))
}
