package turn

import (
	"net"
	"net/netip"
	"sync/atomic"

	"sipward/internal/egress"
)

// Range is a range of ports, both ends included.
type Range struct{ First, Last int }

func (r Range) holds(port uint16) bool { return int(port) >= r.First && int(port) <= r.Last }

// peers are the addresses that an allocation may exchange packets with.
type peers struct {
	open    egress.Config                       // beyond the internet: the networks the operator allows
	address netip.Addr                          // that relayed candidates name: here phones may meet
	ports   []Range                             // and only at these
	own     atomic.Pointer[map[netip.Addr]bool] // of this machine, as of late
}

// look takes note of the addresses of this machine, which may change.
func (p *peers) look() {
	own := map[netip.Addr]bool{}
	list, _ := net.InterfaceAddrs() // what cannot be listed is loopback or the address of candidates, which are judged anyway
	for _, a := range list {
		if n, err := netip.ParsePrefix(a.String()); err == nil {
			own[n.Addr().Unmap()] = true
		}
	}
	p.own.Store(&own)
}

// host reports whether anything at an address may be a peer.
func (p *peers) host(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch {
	case a == p.address:
		return true
	case (*p.own.Load())[a]:
		return false
	}
	return p.open.Allows(a)
}

// one reports whether this is a peer.
func (p *peers) one(a netip.AddrPort) bool {
	if a.Addr().Unmap() != p.address {
		return p.host(a.Addr())
	}
	for _, r := range p.ports {
		if r.holds(a.Port()) {
			return true
		}
	}
	return false
}

func addrPort(a net.Addr) netip.AddrPort {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.AddrPort()
	}
	return netip.AddrPort{}
}
