package transport

import (
	"errors"
	"io"
	"syscall"
)

// incoming is the argument and the result of one read of a wire, and what its stream says of it.
type incoming struct {
	buf     []byte
	n       int
	err     error
	between bool // nothing has come of a message, or of the TLS record that carries it
	pings   bool // the phone keeps its flow alive by CRLFs
}

// takeNow reads what has come; false: nothing has, wait for the poller.
func (w *wire) takeNow(fd uintptr) bool {
	for {
		w.in.n, w.in.err = readNow(int(fd), w.in.buf)
		switch w.in.err { //nolint:errorlint // a system call's own number, asked on every read
		case syscall.EINTR:
		case syscall.EAGAIN:
			w.hush(fd, w.in.between && w.in.pings)
			return false
		default:
			w.in.between = false
			return true
		}
	}
}

// Read waits as that of TCPConn does, but the scheduler is told nothing of a call that never blocks. In a process that
// is idle between two keep-alives, telling it wakes the runtime's monitor, a thread that then naps and looks two or three
// times before it sleeps again: more work than the ping.
func (w *wire) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	w.in.buf = p
	err := w.raw.Read(w.take)
	w.in.buf = nil
	switch {
	case err != nil:
		return 0, err
	case w.in.err != nil:
		return 0, w.in.err
	case w.in.n == 0:
		return 0, io.EOF
	}
	return w.in.n, nil
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
