package transport

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// backlogBytes bounds what may wait for one slow reader, whatever the number of messages.
const backlogBytes = 1 << 20

// wire is a TCP connection whose Write never blocks: it hands the kernel what the socket buffer takes, at once and in
// the caller's goroutine, and leaves the rest to a goroutine that lives only while there is a rest. So an idle phone
// costs one goroutine, its reader, and an answer costs no switch. TLS runs on top of it.
type wire struct {
	*net.TCPConn
	raw     syscall.RawConn
	lim     *Limits
	watch   *watch
	spawn   func(func()) // starts a goroutine the layer waits for
	attempt func(fd uintptr) bool
	take    func(fd uintptr) bool
	in      incoming // owned by the reader

	mu       sync.Mutex
	dead     error     // guarded by mu: no write from here on
	flushing bool      // guarded by mu: a goroutine owns the socket's write side
	backlog  []byte    // guarded by mu
	waiting  int       // guarded by mu; writes in the backlog
	wrote    time.Time // guarded by mu; the last write
	watching bool      // guarded by mu; the watch looks whether the peer acknowledges
	watched  watched
	tryBuf   []byte // guarded by mu; argument and result of attempt, which is made once to save an allocation a write
	tryN     int    // guarded by mu
	tryErr   error  // guarded by mu
}

func newWire(c *net.TCPConn, l *Layer) (*wire, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	w := &wire{TCPConn: c, raw: raw, lim: l.lim, watch: &l.watch, spawn: l.spawn}
	w.attempt = func(fd uintptr) bool {
		w.tryN, w.tryErr = ignoringEINTR(int(fd), w.tryBuf)
		return true // never wait for the poller
	}
	w.take = w.in.take
	return w, nil
}

func ignoringEINTR(fd int, b []byte) (int, error) {
	for {
		n, err := writeNow(fd, b)
		if err != syscall.EINTR { //nolint:errorlint // a system call's own number, asked on every write
			return max(n, 0), err
		}
	}
}

// Write queues all of p or fails.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead != nil {
		return 0, w.dead
	}
	w.watchLocked()
	w.wrote = time.Now()
	rest := p
	if !w.flushing {
		n, err := w.tryLocked(p)
		if err != nil {
			return n, w.killLocked(err)
		}
		if n == len(p) {
			return n, nil
		}
		rest = p[n:]
	}
	if w.waiting >= w.lim.WriteQueue || len(w.backlog)+len(rest) > backlogBytes {
		return 0, w.killLocked(errSlowPeer)
	}
	w.backlog = append(w.backlog, rest...)
	w.waiting++
	if !w.flushing {
		w.flushing = true
		w.spawn(w.flush)
	}
	return len(p), nil
}

// lastWrite is when the peer was last written to; zero: never.
func (w *wire) lastWrite() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrote
}

// tryLocked writes what the socket takes now.
func (w *wire) tryLocked(p []byte) (int, error) {
	w.tryBuf, w.tryN, w.tryErr = p, 0, nil
	err := w.raw.Write(w.attempt)
	w.tryBuf = nil
	if err == nil && !errors.Is(w.tryErr, syscall.EAGAIN) {
		err = w.tryErr
	}
	return w.tryN, err
}

// killLocked ends the connection: its reader wakes and the flow closes.
func (w *wire) killLocked(err error) error {
	if w.dead == nil {
		w.dead = err
		_ = w.TCPConn.Close()
	}
	return w.dead
}

// Close ends the connection at once; a backlog is lost.
func (w *wire) Close() error {
	w.kill(errClosed)
	return nil
}

// kill is killLocked for callers without the lock.
func (w *wire) kill(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.killLocked(err)
}

// reason is why the wire died; nil while it lives.
func (w *wire) reason() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead
}

// flush writes the backlog until it is empty; a write that takes longer than Limits.WriteTime ends the flow.
func (w *wire) flush() {
	for {
		w.mu.Lock()
		b := w.backlog
		w.backlog, w.waiting = nil, 0
		if len(b) == 0 || w.dead != nil {
			w.flushing = false
			_ = w.TCPConn.SetWriteDeadline(time.Time{})
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		_ = w.TCPConn.SetWriteDeadline(time.Now().Add(w.lim.WriteTime))
		if _, err := w.TCPConn.Write(b); err != nil {
			w.kill(errSlowPeer)
		}
	}
}
