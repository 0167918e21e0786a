package kvtest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between a store and a server, and can become a black hole: connections stay, new ones are taken, and
// nothing is passed on or answered.
type Proxy struct {
	Addr string

	hole    atomic.Bool
	delay   atomic.Int64 // nanoseconds on each way
	rate    atomic.Int64 // bytes a second on each way; 0: no limit
	running sync.WaitGroup

	mu       sync.Mutex // guards what follows
	upstream string
	conns    []net.Conn
	closed   bool
}

// NewProxy forwards to upstream until the test ends.
func NewProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), upstream: upstream}
	p.running.Go(func() { p.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		p.closeAll()
		p.running.Wait()
	})
	return p
}

// Swallow begins or ends the black hole. What was swallowed is lost; connections that met it are closed at the end.
func (p *Proxy) Swallow(on bool) {
	p.hole.Store(on)
	if !on {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.conns = nil
	}
}

// Redirect sends what comes from now on to another server, and closes the connections there are.
func (p *Proxy) Redirect(upstream string) {
	p.mu.Lock()
	p.upstream = upstream
	p.mu.Unlock()
	p.Swallow(false)
}

// Slow holds back everything by delay on each way, and passes on rate bytes a second; zeros end it.
func (p *Proxy) Slow(delay time.Duration, rate int) {
	p.delay.Store(int64(delay))
	p.rate.Store(int64(rate))
}

func (p *Proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.conns {
		_ = c.Close()
	}
}

// keep remembers a connection, or closes it when the test is over.
func (p *Proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
	}
	p.conns = append(p.conns, c)
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		p.keep(c)
		p.mu.Lock()
		upstream := p.upstream
		p.mu.Unlock()
		up, err := net.Dial("tcp", upstream)
		if err != nil {
			_ = c.Close()
			continue
		}
		p.keep(up)
		p.running.Go(func() { p.pass(up, c) })
		p.running.Go(func() { p.pass(c, up) })
	}
}

// chunk is what was read at once, and when it may go on.
type chunk struct {
	bytes []byte
	due   time.Time
}

// pass copies one direction, or swallows it.
func (p *Proxy) pass(to, from net.Conn) {
	queue := make(chan chunk, 1024)
	p.running.Go(func() { p.write(to, queue) })
	defer close(queue)
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && !p.hole.Load() {
			queue <- chunk{bytes.Clone(b[:n]), time.Now().Add(time.Duration(p.delay.Load()))}
		}
		if err != nil {
			return
		}
	}
}

// write sends chunks when they are due; after a fault it only drains.
func (p *Proxy) write(to net.Conn, queue <-chan chunk) {
	defer to.Close()
	broken := false
	for c := range queue {
		wait := time.Until(c.due)
		if r := p.rate.Load(); r > 0 {
			wait += time.Duration(len(c.bytes)) * time.Second / time.Duration(r)
		}
		if wait > 0 {
			timer := time.NewTimer(wait)
			<-timer.C
		}
		if !broken {
			_, err := to.Write(c.bytes)
			broken = err != nil
		}
	}
}
