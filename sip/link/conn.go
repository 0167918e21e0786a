package link

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// The times of a link; tests of failure go by them too.
const (
	handshakeTime = 2 * time.Second
	pingEvery     = 150 * time.Millisecond
	suspectAfter  = 500 * time.Millisecond // silence after which nothing new is sent to the node
	deadAfter     = 2 * time.Second        // silence after which the link is given up
)

var (
	errSilent = errors.New("link: the peer is silent")
	errSlow   = errors.New("link: the peer does not read")
	errClosed = errors.New("link: closed")
)

// conn is one established link. Either side may send on it; which one dialled makes no difference.
type conn struct {
	// static after construction
	links *Links
	tls   *tls.Conn
	peer  *peer
	began time.Time
	wake  chan struct{} // one slot: there is something to write

	heard atomic.Int64 // when the last frame came, UnixNano

	mu   sync.Mutex // guards what follows; never held across I/O
	out  []byte     // frames to be written
	dead error
}

// shake does the handshake and the exchange of hellos under one deadline; want is the node expected, or "".
func (l *Links) shake(ctx context.Context, c *tls.Conn, want string) (h hello, err error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		return h, err
	}
	_ = c.SetDeadline(time.Now().Add(handshakeTime))
	if _, err := c.Write(appendHello(nil, l.hello())); err != nil {
		return h, err
	}
	var buf []byte
	kind, body, err := readFrame(c, &buf, maxHello)
	if err != nil || kind != kindHello {
		return h, errors.Join(err, errFrame)
	}
	if h, err = readHello(body); err != nil {
		return h, err
	}
	switch {
	case h.Node != named(c) || want != "" && h.Node != want:
		return h, fmt.Errorf("link: the peer is %q, its certificate says %q, wanted was %q", h.Node, named(c), want)
	case h.Node == l.config.Node:
		return h, fmt.Errorf("link: another process has this node's id %q: give each its own node.id", h.Node)
	}
	return h, c.SetDeadline(time.Time{})
}

// serve reads until the link ends, and says why it did.
func (c *conn) serve(ctx context.Context) error {
	c.heard.Store(time.Now().UnixNano())
	defer context.AfterFunc(ctx, func() { c.kill(errClosed) })()
	var wg sync.WaitGroup
	wg.Go(c.write)
	err := c.read()
	c.kill(err)
	wg.Wait()
	return c.reason()
}

func (c *conn) read() error {
	r := bufio.NewReaderSize(c.tls, 64<<10)
	var buf []byte
	for {
		kind, body, err := readFrame(r, &buf, maxFrame)
		if err != nil {
			return err
		}
		c.heard.Store(time.Now().UnixNano())
		if err := c.handle(kind, body); err != nil {
			return err
		}
	}
}

// handle takes one frame; a panic costs the link and not the process.
func (c *conn) handle(kind byte, body []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.links.deps.Log.Error("a frame of another node panicked", "node", c.peer.node, "panic", v, "stack", string(debug.Stack()))
			err = errFrame
		}
	}()
	return c.links.take(c, kind, body)
}

// write sends what is queued, all that waits in one piece, and pings.
func (c *conn) write() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	var spare []byte
	for {
		select {
		case <-c.wake:
		case <-tick.C:
			if c.silence() > deadAfter {
				c.kill(errSilent)
			}
			_ = c.push(kindPing, nil) // a link that is dead or full ends by its silence
		}
		c.mu.Lock()
		b, dead := c.out, c.dead
		c.out = spare[:0]
		c.mu.Unlock()
		if dead != nil {
			return
		}
		_ = c.tls.SetWriteDeadline(time.Now().Add(deadAfter))
		if _, err := c.tls.Write(b); err != nil {
			c.kill(errors.Join(errSlow, err))
			return
		}
		if spare = b[:0]; cap(spare) > maxSpare {
			spare = nil
		}
	}
}

// push queues one frame.
func (c *conn) push(kind byte, rest []byte, texts ...string) error {
	c.mu.Lock()
	if c.dead != nil || len(c.out) > maxBacklog {
		defer c.mu.Unlock()
		return errors.Join(errSlow, c.dead)
	}
	c.out = appendFrame(c.out, kind, rest, texts...)
	c.mu.Unlock()
	c.poke()
	return nil
}

func (c *conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) kill(why error) {
	c.mu.Lock()
	first := c.dead == nil
	if first {
		c.dead = why
	}
	c.mu.Unlock()
	if first {
		_ = c.tls.NetConn().Close() // without close_notify, which could block behind a full socket
		c.poke()
	}
}

func (c *conn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *conn) silence() time.Duration { return time.Since(time.Unix(0, c.heard.Load())) }

// usable reports whether the peer has been heard of lately.
func (c *conn) usable() bool { return c.silence() < suspectAfter && c.reason() == nil }
