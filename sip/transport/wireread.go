package transport

import (
	"errors"
	"io"
	"syscall"
)

// incoming is the argument and the result of one read of a wire.
type incoming struct {
	buf []byte
	n   int
	err error
}

// take reads what has come; false: nothing has, wait for the poller.
func (in *incoming) take(fd uintptr) bool {
	for {
		in.n, in.err = readNow(int(fd), in.buf)
		if in.err != syscall.EINTR { //nolint:errorlint // a system call's own number, asked on every read
			return in.err != syscall.EAGAIN //nolint:errorlint // the same
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
