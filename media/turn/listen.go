package turn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen binds everything or nothing.
func (s *Server) Listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	for _, a := range s.config.UDP {
		var p net.PacketConn
		if p, err = lc.ListenPacket(ctx, "udp", a); err != nil {
			s.Close()
			return mend("media.turn.udp", a, err)
		}
		s.packets = append(s.packets, p)
	}
	for _, a := range s.config.TCP {
		if err = s.stream(ctx, "media.turn.tcp", a, false); err != nil {
			return err
		}
	}
	for _, a := range s.config.TLS {
		if err = s.stream(ctx, "media.turn.tls", a, true); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) stream(ctx context.Context, key, address string, secure bool) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		s.Close()
		return mend(key, address, err)
	}
	t := newStreams(l)
	if secure {
		t.tls = s.deps.ServeTLS
	}
	s.streams = append(s.streams, t)
	return nil
}

func mend(key, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s %s: the port is taken: stop the other server, or set %s to another port", key, address, key)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s %s: not permitted: choose a port above 1023, or grant CAP_NET_BIND_SERVICE", key, address)
	}
	return fmt.Errorf("%s %s: %w", key, address, err)
}

// Close gives back what Listen bound, instead of Run.
func (s *Server) Close() {
	for _, p := range s.packets {
		_ = p.Close()
	}
	for _, l := range s.streams {
		_ = l.Close()
	}
	s.packets, s.streams = nil, nil
}

// Addr is where the server listens for UDP ("udp"), streams ("tcp") or encrypted ones ("tls"); nil: it does not.
func (s *Server) Addr(network string) net.Addr {
	if network == "udp" && len(s.packets) > 0 {
		return s.packets[0].LocalAddr()
	}
	for _, l := range s.streams {
		if (network == "tls") == (l.tls != nil) && network != "udp" {
			return l.Addr()
		}
	}
	return nil
}
