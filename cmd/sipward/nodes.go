package main

import (
	"net"
	"net/netip"
	"strconv"
	"time"

	"sipward/internal/seal"
)

// linkKeys are the keys of the authorities whose nodes are believed, the newest first.
func linkKeys(roots []seal.Root) (keys [][]byte) {
	for _, r := range roots {
		keys = append(keys, r.Derive("node links"))
	}
	return keys
}

// storePatience is how long a start waits for Redis: services start in any order.
const storePatience = 5 * time.Second

// rootChecks tell the root keys from others, and nothing of them.
func rootChecks(roots []seal.Root) (checks [][]byte) {
	for _, r := range roots {
		checks = append(checks, r.Derive("cluster check"))
	}
	return checks
}

// linkAddress is where other nodes reach this one; empty for a node alone.
func (n *node) linkAddress() string {
	bound := n.sip.LinkAddr()
	if bound == nil {
		return ""
	}
	if n.config.Node.Address != "" {
		return n.config.Node.Address
	}
	ap, err := netip.ParseAddrPort(bound.String())
	if err != nil {
		return ""
	}
	host := ap.Addr().Unmap()
	if host.IsUnspecified() {
		host = outward(host)
	}
	return net.JoinHostPort(host.String(), strconv.Itoa(int(ap.Port())))
}

// outward is the machine's first address that others may reach; loopback when it has none.
func outward(wildcard netip.Addr) netip.Addr {
	best := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		if p.Addr().Is4() {
			return p.Addr()
		}
		if best.IsLoopback() && wildcard.Is6() {
			best = p.Addr()
		}
	}
	return best
}

func (c NodeConfig) validate(v *faults) {
	v.addresses("node.listen", []string{c.Listen})
	if c.Address != "" {
		v.addresses("node.address", []string{c.Address})
	}
}
