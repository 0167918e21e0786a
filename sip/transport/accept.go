package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"time"

	"sipward/sip/incident"
)

// listener accepts connections of one network.
type listener struct {
	layer *Layer
	net   Network
	tcp   *net.TCPListener
}

// Back-off of a listener whose Accept fails, for instance because there are no file descriptors left.
const (
	firstRetry = 5 * time.Millisecond
	lastRetry  = time.Second
)

// serve accepts until the layer shuts down: an error only makes it wait.
func (ln *listener) serve() {
	wait := firstRetry
	for {
		c, err := ln.tcp.AcceptTCP()
		if err == nil {
			wait = firstRetry
			_ = ln.layer.protect("accept", func() error { ln.admit(c); return nil })
			continue
		}
		l := ln.layer
		if l.stopping() || errors.Is(err, net.ErrClosed) {
			return
		}
		l.metrics.accepts.Inc()
		if n, ok := l.quiet.allow("accept"); ok {
			l.log.Error("accept failed, trying again", "listener", ln.tcp.Addr(), "error", err, "in", wait, "more", n)
		}
		if !l.pause(wait) {
			return
		}
		wait = min(2*wait, lastRetry)
	}
}

// admit decides on a connection before a byte of it is read, and gives it a goroutine of its own: no handshake ever
// holds up the accept loop.
func (ln *listener) admit(c *net.TCPConn) {
	l := ln.layer
	src := addrPort(c.RemoteAddr()).Addr()
	out := l.guard.isBanned(src, ln.net, time.Now())
	if out || !l.guard.enter(src) {
		l.metrics.rejected.Inc()
		if !out { // a ban has been told
			l.tell(incident.Connections, src, ln.net, "")
		}
		_ = c.SetLinger(0)
		_ = c.Close()
		return
	}
	l.spawn(func() {
		defer func() {
			_ = c.Close() // whatever became of it, a panic too
			l.guard.leave(src)
		}()
		if s := ln.open(c); s != nil {
			s.serve()
		}
	})
}

// open does what comes before SIP; nil: that failed.
//
//go:noinline // the stack of an idle flow has no room for it, see fetch
func (ln *listener) open(c *net.TCPConn) *stream {
	l := ln.layer
	w, err := newWire(c, l)
	if err != nil {
		return nil
	}
	s := &stream{layer: l, wire: w, conn: w, number: l.numbers.Add(1)}
	if ln.net != TCP {
		if err := l.shake(ln.net, s); err != nil {
			l.metrics.hsk.Inc()
			l.shown(addrPort(c.RemoteAddr()).Addr(), ln.net, err)
			l.log.Debug("handshake failed", "network", ln.net, "from", c.RemoteAddr(), "error", err)
			w.kill(err)
			return nil
		}
	}
	id := ID(string(ln.net) + "-" + strconv.FormatUint(s.number, 10))
	s.flow = newFlow(l, ln.net, id, addrPort(c.LocalAddr()), addrPort(c.RemoteAddr()))
	s.flow.stream = s
	l.table.put(s.number, s.flow)
	l.metrics.openedOne(ln.net)
	if l.stopping() {
		s.close(errShutdown) // Run may have closed the table's flows before this one was in it
	}
	l.opened(s.flow)
	return s
}

// silentPerHandshake is how many connections may be silent for each handshake that may run: they cost memory, no work.
const silentPerHandshake = 16

// hear waits for the first byte, which costs nothing but the waiting.
func (l *Layer) hear(w *wire) error {
	place := l.silent.enter(w, silentPerHandshake*l.lim.Handshakes)
	defer l.silent.leave(place)
	if place.evicted {
		l.metrics.evicted.Inc()
	}
	if err := w.SetReadDeadline(time.Now().Add(l.lim.HandshakeTime)); err != nil {
		return err
	}
	return w.await()
}

// shake does the TLS handshake and the WebSocket upgrade under one deadline, which begins with its turn.
func (l *Layer) shake(n Network, s *stream) error {
	if err := l.hear(s.wire); err != nil {
		return err
	}
	turn, evicted, err := l.shaking.enter(s.wire, l.lim.Handshakes, l.lim.IdleTime)
	if err != nil {
		return err
	}
	defer l.shaking.leave(turn)
	if evicted {
		l.metrics.evicted.Inc()
	}
	if l.stopping() {
		return errShutdown
	}
	if err := s.wire.SetDeadline(time.Now().Add(l.lim.HandshakeTime)); err != nil {
		return err
	}
	if n.Secure() {
		c := tls.Server(s.wire, l.tls)
		if err := c.Handshake(); err != nil { //nolint:noctx // the deadline above bounds it
			return err
		}
		s.conn = c
	}
	if n == WS || n == WSS {
		if err := s.upgrade(); err != nil {
			return err
		}
	}
	return s.wire.SetDeadline(time.Time{})
}
