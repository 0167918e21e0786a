package turn

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	greetTime  = 10 * time.Second
	idleTime   = 10 * time.Minute
	writeTime  = 5 * time.Second
	perAddress = 50
	atMost     = 2000
	acceptWait = 50 * time.Millisecond // after an error that is not the end
)

// streams is a listener that hands over connections which have shaken hands, and bounds them. pion closes neither what
// fails its handshake nor what is open when the listener closes.
type streams struct {
	net.Listener
	tls   *tls.Config // nil: none
	start sync.Once
	ready chan net.Conn // never closed
	done  chan struct{} // closed by Close

	mu   sync.Mutex // guards what follows
	shut bool
	open map[*stream]struct{}
	from map[netip.Addr]int
}

func newStreams(l net.Listener) *streams {
	return &streams{Listener: l, ready: make(chan net.Conn), done: make(chan struct{}), open: map[*stream]struct{}{}, from: map[netip.Addr]int{}}
}

// Accept implements net.Listener.
func (l *streams) Accept() (net.Conn, error) {
	l.start.Do(func() { go l.accept() })
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener; it closes the connections, too.
func (l *streams) Close() error {
	l.mu.Lock()
	again := l.shut
	l.shut = true
	var open []*stream
	for c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	if again {
		return nil
	}
	close(l.done)
	err := l.Listener.Close()
	for _, c := range open {
		_ = c.Close()
	}
	return err
}

func (l *streams) accept() {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			select {
			case <-l.done:
				return
			case <-time.After(acceptWait): // out of descriptors, most likely: a listener never dies
				continue
			}
		}
		if s := l.admit(c); s != nil {
			go l.greet(s)
		} else {
			_ = c.Close()
		}
	}
}

// admit enters a connection, or returns nil when there are enough.
func (l *streams) admit(c net.Conn) *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, _ := netip.ParseAddrPort(c.RemoteAddr().String()) // of a TCP connection
	if l.shut || len(l.open) >= atMost || l.from[a.Addr()] >= perAddress {
		return nil
	}
	s := &stream{Conn: c, of: l, host: a.Addr()}
	l.open[s] = struct{}{}
	l.from[s.host]++
	return s
}

// greet shakes hands and hands over.
func (l *streams) greet(s *stream) {
	if l.tls != nil {
		secure := tls.Server(s.Conn, l.tls)
		if secure.SetDeadline(time.Now().Add(greetTime)) != nil || secure.Handshake() != nil { //nolint:noctx // bounded by its deadline, and closed with the listener
			_ = s.Close()
			return
		}
		s.Conn = secure
	}
	select {
	case l.ready <- s:
	case <-l.done:
		_ = s.Close()
	}
}

// stream is one connection. It says nothing for so long, and takes so long for what is written, or it ends.
type stream struct {
	net.Conn
	of   *streams
	host netip.Addr
	said bool // owned by the reader
	once sync.Once
}

// Read implements net.Conn.
func (s *stream) Read(b []byte) (int, error) {
	wait := greetTime
	if s.said {
		wait = idleTime
	}
	if err := s.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Read(b)
	s.said = s.said || n > 0
	return n, err
}

// Write implements net.Conn.
func (s *stream) Write(b []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	return s.Conn.Write(b)
}

// Close implements net.Conn.
func (s *stream) Close() error {
	s.once.Do(func() {
		s.of.mu.Lock()
		defer s.of.mu.Unlock()
		delete(s.of.open, s)
		if s.of.from[s.host]--; s.of.from[s.host] <= 0 {
			delete(s.of.from, s.host)
		}
	})
	return s.Conn.Close()
}
