package transport

import (
	"errors"
	"runtime"
	"syscall"

	"golang.org/x/net/ipv4"
)

// send writes one packet without waiting: into the batch the reader is working on, or into that of whoever is about to
// send; else it makes room for others first and then sends what came together. Under load the answers of many workers
// leave in one system call, and the receiver is woken once; alone, a packet leaves as soon as nothing else can run. A
// message over 1300 bytes goes out all the same, in fragments: a flow has no other transport (RFC 3261 section 18.1.1
// would switch to TCP).
func (d *dgram) send(b []byte) error {
	if len(b) > maxUDP {
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
		if s.inside || s.leading {
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
	if cap(s.out) > i {
		s.out = s.out[:i+1]
	} else {
		s.out = append(s.out, ipv4.Message{})
	}
	m := &s.out[i]
	if m.Buffers == nil {
		m.Buffers = make([][]byte, 1)
	}
	m.Buffers[0], m.Addr, m.OOB = s.texts[i], d.to, d.oob
}

// flushLocked sends the batch. What the kernel has no room for is dropped, as a network would; the transactions above
// send again.
func (s *socket) flushLocked() error {
	defer s.resetLocked()
	for rest := s.out; len(rest) > 0; {
		n, err := s.batch.WriteBatch(rest, dontWait)
		if err == nil {
			rest = rest[n:]
			continue
		}
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOBUFS) {
			s.layer.metrics.drop("overflow")
			return errNotReady
		}
		if len(rest) == 1 {
			return err
		}
		rest = rest[1:] // one bad address must not take the others with it
	}
	return nil
}

// resetLocked empties the batch and gives up the memory of outsized packets.
func (s *socket) resetLocked() {
	for i := range s.out {
		if cap(s.texts[i]) > smallInbox {
			s.texts[i] = nil
		}
		s.out[i].Addr, s.out[i].OOB, s.out[i].Buffers[0] = nil, nil, nil
	}
	s.out = s.out[:0]
}

// setInside begins and ends a batch; its end sends what was collected.
func (s *socket) setInside(inside bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside = inside
	if !inside && len(s.out) > 0 {
		_ = s.flushLocked() // lost like any packet; counted there
	}
}
