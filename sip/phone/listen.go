package phone

import (
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// accept serves the listener, so that phones can talk to each other without a server and a test can stand in for one.
func (p *Phone) accept() {
	for {
		conn, err := p.listen.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if p.cfg.Transport == "tcp" {
			p.adopt(conn, "TCP")
			continue
		}
		p.spawn(func() { p.secure(conn) })
	}
}

// secure does the TLS handshake off the accept loop.
func (p *Phone) secure(conn net.Conn) {
	if p.cfg.TLS == nil {
		conn.Close()
		return
	}
	c := tls.Server(conn, p.cfg.TLS)
	_ = conn.SetDeadline(time.Now().Add(writeWait))
	if err := c.HandshakeContext(p.life); err != nil {
		conn.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	p.adopt(c, "TLS")
}
