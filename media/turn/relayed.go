package turn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"

	pion "github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// The errors of what is not done.
var (
	errStreams  = errors.New("turn: relayed TCP is not done")
	errReserved = errors.New("turn: ports are not reserved")
	errIPv6     = errors.New("turn: relayed addresses are IPv4")
	errQuota    = errors.New("turn: the account has as many allocations as it may")
	errPorts    = errors.New("turn: no port is free: widen media.turn.ports")
)

// AllocatePacketConn implements pion.RelayAddressGenerator.
func (s *Server) AllocatePacketConn(c pion.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	switch {
	case c.Network != "udp4":
		return nil, nil, errIPv6
	case c.RequestedPort != 0 || c.UserID == "":
		return nil, nil, errReserved
	}
	conn, err := s.bind()
	if err != nil {
		s.metrics.refused("ports")
		return nil, nil, err
	}
	r := &relayed{
		PacketConn: conn, server: s, account: c.UserID,
		in: rate.NewLimiter(s.config.Rate, s.config.burst()), out: rate.NewLimiter(s.config.Rate, s.config.burst()),
	}
	if !s.keep(r) {
		_ = conn.Close()
		return nil, nil, errQuota
	}
	return r, &net.UDPAddr{IP: s.config.Address.AsSlice(), Port: conn.LocalAddr().(*net.UDPAddr).Port}, nil
}

// AllocateListener implements pion.RelayAddressGenerator.
func (s *Server) AllocateListener(pion.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errStreams
}

// AllocateConn implements pion.RelayAddressGenerator.
func (s *Server) AllocateConn(pion.AllocateConnConfig) (net.Conn, error) { return nil, errStreams }

// Validate implements pion.RelayAddressGenerator.
func (s *Server) Validate() error { return nil }

// bind takes a port of the range that nobody can guess.
func (s *Server) bind() (*net.UDPConn, error) {
	n := s.config.Ports.Last - s.config.Ports.First + 1
	first := rand.IntN(n)
	for i := range n {
		if c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: s.config.Ports.First + (first+i)%n}); err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w (%d-%d)", errPorts, s.config.Ports.First, s.config.Ports.Last)
}

// relayed is the socket of one allocation: closing it ends the allocation.
type relayed struct {
	net.PacketConn
	server  *Server
	account string
	in, out *rate.Limiter
	once    sync.Once
}

// WriteTo sends to a peer, or drops what is none: a permission is for an address, whatever the port.
func (r *relayed) WriteTo(b []byte, to net.Addr) (int, error) {
	switch {
	case !r.server.peers.one(addrPort(to)):
		r.server.metrics.strange.Inc()
		return len(b), nil
	case !r.out.Allow():
		r.server.metrics.limited.Inc()
		return len(b), nil
	}
	r.server.metrics.sent.Inc()
	return r.PacketConn.WriteTo(b, to)
}

// ReadFrom receives from a peer.
func (r *relayed) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.PacketConn.ReadFrom(b)
		switch {
		case err != nil:
			return n, from, err
		case !r.server.peers.one(addrPort(from)):
			r.server.metrics.strange.Inc()
			continue
		case !r.in.Allow():
			r.server.metrics.limited.Inc()
			continue
		}
		r.server.metrics.received.Inc()
		return n, from, nil
	}
}

// Close ends the allocation.
func (r *relayed) Close() error {
	r.once.Do(func() { r.server.drop(r) })
	return r.PacketConn.Close()
}
