package transport

import (
	"errors"
	"runtime"
	"syscall"
)

// send writes one packet without waiting: into the batch the reader is working on, or into that of whoever is about to
// send; else it makes room for others first and then sends what came together. Under load the answers of many workers
// leave in one system call, and the receiver is woken once; alone, a packet leaves as soon as nothing else can run. A
// message over 1300 bytes goes out all the same, in fragments: a flow has no other transport (RFC 3261 section 18.1.1
// would switch to TCP).
func (d *dgram) send(b []byte) error {
	if len(b) > maxUDP || len(b) == 0 {
		return errTooBig
	}
	s := d.socket
	if s.closed.Load() {
		return errClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(d, b)
	if len(s.out) < udpBatch {
		if s.inside > 0 || s.leading {
			return nil
		}
		s.leading = true
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
		s.leading = false
	}
	return s.flushLocked()
}

// addLocked puts a copy of b into the batch.
func (s *socket) addLocked(d *dgram, b []byte) {
	i := len(s.out)
	if i == len(s.texts) {
		s.texts = append(s.texts, nil)
	}
	s.texts[i] = append(s.texts[i][:0], b...)
	s.out = append(s.out, d)
	s.writer.set(i, &d.to, d.oob, s.texts[i])
}

// flushLocked sends the batch. What the kernel has no room for is dropped, as a network would; the transactions above
// send again.
func (s *socket) flushLocked() error {
	defer s.resetLocked()
	for from := 0; from < len(s.out); {
		n, err := s.writer.write(from, len(s.out))
		if err == nil {
			from += n
			continue
		}
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOBUFS) {
			s.layer.metrics.drop("overflow")
			return errNotReady
		}
		if from++; from == len(s.out) {
			return err
		}
		// one bad address must not take the others with it
	}
	return nil
}

// resetLocked empties the batch and gives up the memory of outsized packets.
func (s *socket) resetLocked() {
	for i := range s.out {
		if cap(s.texts[i]) > smallInbox {
			s.texts[i] = nil
		}
	}
	s.writer.release(len(s.out))
	clear(s.out)
	s.out = s.out[:0]
}

// setInside begins and ends a batch; each end sends what was collected.
func (s *socket) setInside(inside bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inside {
		s.inside++
		return
	}
	s.inside--
	if len(s.out) > 0 {
		_ = s.flushLocked() // lost like any packet; counted there
	}
}

// Together runs f; datagrams that are sent meanwhile leave together, at its end at the latest. f must not wait.
func (l *Layer) Together(f func()) {
	for _, s := range l.sockets {
		s.setInside(true)
		defer s.setInside(false)
	}
	f()
}
