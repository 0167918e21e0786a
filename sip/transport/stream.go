package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// stream is the connection of a TCP, TLS, WS or WSS flow.
type stream struct {
	// static after construction
	layer  *Layer
	flow   *Flow
	conn   net.Conn // wire, or TLS on it
	wire   *wire
	number uint64

	why  atomic.Pointer[error] // the first reason to close
	last atomic.Int64          // last sign of life, UnixNano

	// owned by the reader
	in      inbox
	frames  *frames       // WebSocket framing; nil on TCP and TLS
	began   time.Time     // first byte of the message in progress; zero between messages
	inBody  bool          // its header section is complete
	armed   time.Time     // read deadline in force
	crlf    int           // bytes of a keep-alive seen so far (0 to 3)
	scanned int           // bytes of the header section already searched for its end
	lineAt  int           // where the line being searched begins
	pending gosip.Message // head parsed, body to come
	headLen int
	bodyLen int
}

// serve reads until the connection ends and tells the handler.
func (s *stream) serve() { s.ended(s.layer.protect("stream", s.read)) }

func (s *stream) ended(err error) {
	l := s.layer
	s.close(err)
	err = *s.why.Load()
	l.table.remove(s.number)
	s.in.free(l)
	s.wire.in.rest()
	l.metrics.closed(s.flow.net)
	l.log.Debug("flow closed", "flow", s.flow.id, "why", err)
	_ = l.protect("handler", func() error { l.handler.Closed(s.flow, err); return nil })
}

// close ends the connection for the first reason given.
func (s *stream) close(why error) {
	if s.why.CompareAndSwap(nil, &why) {
		_ = s.conn.Close() // TLS sends close_notify through the wire, which does not block
	}
}

// read is the reader's life.
func (s *stream) read() error {
	s.alive()
	s.wire.lookAhead(s.layer.inboxes)
	if s.in.r < s.in.w { // frames that came with the WebSocket upgrade
		s.began = time.Now()
		if err := s.consume(); err != nil {
			return err
		}
	}
	for {
		n, err := s.fill()
		if n > 0 {
			if err := s.consume(); err != nil {
				return err
			}
		}
		if err != nil && !s.mayWait(err) {
			return s.because(err)
		}
	}
}

// fill reads once, under the deadline of what it waits for. TLS may hold what has come already, so it is asked first.
func (s *stream) fill() (int, error) {
	s.arm()
	for {
		n, err := s.conn.Read(s.in.space(s.layer))
		if err != errLater { //nolint:errorlint // its own value, on every read
			return s.got(n), err
		}
		if n > 0 { // TLS 1.2 looks for an alert behind what it gives out
			return s.got(n), nil
		}
		s.in.rest(s.layer)
		if err := s.wire.fetch(); err != nil {
			return 0, err
		}
	}
}

// got counts what was read.
func (s *stream) got(n int) int {
	s.in.w += n
	if n > 0 && s.began.IsZero() {
		s.began = time.Now()
	}
	return n
}

// arm sets the read deadline. Between messages it is moved only when it has fired or is too far off, so that a busy
// connection pays for no timer.
func (s *stream) arm() {
	want := s.deadline()
	if s.began.IsZero() && !s.armed.IsZero() && s.armed.Before(want) {
		return
	}
	if !want.Equal(s.armed) {
		s.armed = want
		_ = s.conn.SetReadDeadline(want)
	}
}

func (s *stream) deadline() time.Time {
	lim := s.layer.lim
	switch {
	case s.began.IsZero():
		return time.Unix(0, s.last.Load()).Add(s.idleLimit())
	case s.inBody:
		return s.began.Add(lim.MessageTime)
	}
	return s.began.Add(lim.HeaderTime)
}

func (s *stream) idleLimit() time.Duration {
	if s.flow.registered.Load() {
		return s.layer.lim.RegisteredTime
	}
	return s.layer.lim.IdleTime
}

// shorten makes the idle limit of an unregistered flow hold from now on, whatever deadline is in force.
func (s *stream) shorten() {
	_ = s.conn.SetReadDeadline(time.Now().Add(s.layer.lim.IdleTime))
}

// mayWait reports whether a read that timed out was only the lazy idle deadline.
func (s *stream) mayWait(err error) bool {
	s.armed = time.Time{}
	return errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(s.deadline())
}

// because turns a read error into the reason the flow ends.
func (s *stream) because(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		if dead := s.wire.reason(); dead != nil && !errors.Is(dead, errClosed) {
			return dead
		}
		return err
	}
	switch {
	case s.began.IsZero():
		return errIdle
	case s.inBody:
		return errSlowBody
	}
	return errSlowHead
}

// consume takes what has been read.
func (s *stream) consume() error {
	if s.frames != nil {
		return s.consumeFrames()
	}
	return s.consumeBytes()
}

// send writes one whole message.
func (s *stream) send(b []byte) error {
	if s.frames != nil {
		return s.sendFrame(b)
	}
	_, err := s.conn.Write(b)
	return s.failed(err)
}

// failed closes the flow after a write error.
func (s *stream) failed(err error) error {
	if err != nil {
		s.close(err)
	}
	return err
}

// admitWait takes a token for one message and waits for it: TCP then slows the peer down. An unregistered source under
// a ban is cut off.
func (s *stream) admitWait() error {
	l := s.layer
	for {
		switch l.admit(s.flow.remote.Addr(), s.flow.net, time.Now()) {
		case admitted, justBanned:
			return nil
		case banned:
			if s.flow.registered.Load() {
				return nil // a neighbour behind the same NAT earned it
			}
			return errBanned
		}
		l.metrics.delayed.Inc()
		if !l.pause(time.Duration(float64(time.Second) / l.lim.Rate)) {
			return errShutdown
		}
	}
}

// alive notes a sign of life: a message.
func (s *stream) alive() { s.last.Store(time.Now().UnixNano()) }

// stillThere notes a keep-alive, which alone does not keep a stranger's connection.
func (s *stream) stillThere() {
	if s.flow.registered.Load() {
		s.alive()
	}
}

// secured is the TLS connection of the stream, nil on clear transports.
func (s *stream) secured() *tls.Conn {
	c, _ := s.conn.(*tls.Conn)
	return c
}
