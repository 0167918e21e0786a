package transport

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// incoming is what reads of a wire bring. Until lookAhead they go straight into the caller's buffer, and wait.
type incoming struct {
	buf  []byte // buf[r:n] has come and was not given out
	r, n int
	err  error
	pool *inboxes // where buf is from, once the reader looks ahead
}

// take reads what has come; false: nothing has, wait for the poller. A reader that looks ahead holds no buffer meanwhile.
func (in *incoming) take(fd uintptr) bool {
	if in.pool != nil && in.buf == nil {
		in.buf = in.pool.take(smallInbox)
	}
	for {
		in.r = 0
		in.n, in.err = readNow(int(fd), in.buf)
		switch in.err { //nolint:errorlint // a system call's own numbers, asked on every read
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			in.rest()
			return false
		}
		in.n = max(in.n, 0)
		return true
	}
}

// rest forgets what the last read brought, and gives its buffer back.
func (in *incoming) rest() {
	if in.pool != nil {
		in.pool.put(in.buf)
		in.buf = nil
	}
	in.r, in.n, in.err = 0, 0, nil
}

// give hands out what has come. An end or a fault stays; crypto/tls takes errLater for temporary and asks again.
func (in *incoming) give(p []byte) (int, error) {
	switch {
	case in.r < in.n:
		n := copy(p, in.buf[in.r:in.n])
		if in.r += n; in.r == in.n {
			in.rest()
		}
		return n, nil
	case in.err != nil:
		return 0, in.err
	}
	return 0, errLater
}

// errLater is what a reader that looks ahead is told when nothing has come: it goes back to fetch.
var errLater net.Error = later{}

type later struct{}

// Error implements error.
func (later) Error() string { return "transport: nothing has come yet" }

// Timeout implements net.Error.
func (later) Timeout() bool { return false }

// Temporary implements net.Error.
func (later) Temporary() bool { return true }

// lookAhead has Read wait no longer: it gives out what fetch brought, or fails with errLater.
func (w *wire) lookAhead(p *inboxes) { w.in = incoming{pool: p} }

// fetch waits until something has come, under the read deadline. It is where an idle flow waits, and not within TLS: so
// few calls deep, the collector halves its stack to 4 KiB, and neither half of the connection holds a buffer.
//
// The scheduler is told nothing of a read that never blocks. In a process that is idle between two keep-alives, telling it
// wakes the runtime's monitor, a thread that then naps and looks two or three times before it sleeps again: more work
// than the ping.
func (w *wire) fetch() error {
	if err := w.raw.Read(w.take); err != nil {
		return err
	}
	if w.in.err == nil && w.in.n == 0 {
		w.in.err = io.EOF
	}
	return nil
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	if w.in.pool != nil {
		return w.in.give(p)
	}
	if len(p) == 0 {
		return 0, nil
	}
	w.in = incoming{buf: p}
	err := w.fetch()
	n, fault := w.in.n, w.in.err
	w.in = incoming{}
	if err == nil {
		err = fault
	}
	return n, err
}

// await returns when something has come, and leaves it unread; it obeys the read deadline.
func (w *wire) await() (err error) {
	var n int
	var fault error
	err = w.raw.Read(func(fd uintptr) bool {
		n, fault = peek(fd)
		return !errors.Is(fault, syscall.EAGAIN)
	})
	switch {
	case err != nil:
		return err
	case fault == nil && n == 0:
		return io.EOF
	}
	return fault
}

// unread reports whether something has come that was not read.
func (w *wire) unread() (yes bool) {
	_ = w.raw.Control(func(fd uintptr) { // a connection that is closed has nothing
		n, err := peek(fd)
		yes = err == nil && n > 0
	})
	return yes
}

func peek(fd uintptr) (int, error) {
	var b [1]byte
	for {
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
