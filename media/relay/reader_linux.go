package relay

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shard is one reader with the paths of its calls.
type shard struct {
	relay *Relay   // static after construction
	epoll int      // static after construction
	file  *os.File // of epoll, in the runtime's own poller; static after construction

	mu    sync.Mutex // guards what follows, and the slot of each path
	paths []entry
	free  []int32

	// owned by run
	events                                              [256]unix.EpollEvent
	ready                                               [256]entry
	batch                                               batch
	scratch                                             [maxPacket + 64]byte
	refused, limited, found, nowhere, failed, forwarded int
}

// entry is a socket of a path in the reader; the generation tells an event of a former one of the slot.
type entry struct {
	path       *path
	fd         int
	generation int32
}

func newShard(r *Relay) (*shard, error) {
	s := &shard{relay: r}
	var err error
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("media relay: epoll: %w", err)
	}
	if err = unix.SetNonblock(s.epoll, true); err != nil {
		_ = unix.Close(s.epoll)
		return nil, fmt.Errorf("media relay: epoll: %w", err)
	}
	s.file = os.NewFile(uintptr(s.epoll), "relay")
	s.batch.init()
	if err = s.file.SetReadDeadline(time.Time{}); err != nil {
		s.close()
		return nil, fmt.Errorf("media relay: the runtime does not poll epoll: %w", err)
	}
	return s, nil
}

func (s *shard) close() { _ = s.file.Close() }

// join has the reader wait for a socket's packets; the slot is for leave.
func (s *shard) join(p *path, fd int) (slot int32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == 0 {
		s.paths = append(s.paths, entry{})
		s.free = append(s.free, int32(len(s.paths)-1))
	}
	slot = s.free[len(s.free)-1]
	e := &s.paths[slot]
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot, Pad: e.generation}); err != nil {
		return 0, fmt.Errorf("media relay: %w", err)
	}
	s.free = s.free[:len(s.free)-1]
	e.path, e.fd = p, fd
	return slot, nil
}

// leave is join's end; a socket that never joined is none of the slot's.
func (s *shard) leave(p *path, fd int, slot int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := &s.paths[slot]; e.path == p && e.fd == fd {
		_ = unix.EpollCtl(s.epoll, unix.EPOLL_CTL_DEL, fd, nil)
		e.path = nil
		e.generation++
		s.free = append(s.free, slot)
	}
}

// run forwards until ctx ends. It waits in the runtime's poller and not in epoll_wait itself: a thread that sleeps in a
// system call gives its processor away and has to get it back, which cost a sixth of all there was to do.
func (s *shard) run(ctx context.Context) error {
	wait, err := s.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("media relay: wait: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	n := 0
	arrived := func(fd uintptr) bool {
		n = s.poll(fd)
		return n > 0
	}
	for ctx.Err() == nil {
		n = 0
		if err := wait.Read(arrived); err != nil && ctx.Err() == nil {
			return fmt.Errorf("media relay: wait: %w", err)
		}
		now := s.relay.now()
		for _, e := range s.look(n) {
			e.path.forward(s, e.fd, now)
		}
		s.count()
	}
	return ctx.Err()
}

// poll takes the events there are, without waiting.
func (s *shard) poll(fd uintptr) int {
	n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&s.events[0])), uintptr(len(s.events)), 0, 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

// look finds the sockets of the events.
func (s *shard) look(n int) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	ready := s.ready[:0]
	for _, e := range s.events[:n] {
		if s.paths[e.Fd].generation == e.Pad && s.paths[e.Fd].path != nil {
			ready = append(ready, s.paths[e.Fd])
		}
	}
	return ready
}

// forward takes one batch of a path's packets and sends on what is the phone's.
func (p *path) forward(s *shard, fd int, now int64) {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	if p.stream.closed { // its descriptors may be somebody else's before long
		return
	}
	n := p.receive(s, fd)
	keep := 0
	for i := range n {
		packet, src := s.batch.packet(i)
		if len(packet) == 0 || !p.admit(s, packet, src, now) {
			continue
		}
		s.batch.keep(keep, i)
		keep++
	}
	switch {
	case keep == 0:
	case !p.way.reachable():
		s.nowhere += keep
	default:
		sent := p.way.send(s, keep)
		s.forwarded += sent
		s.failed += keep - sent
	}
}

// send sends the packets that were kept to the path's phone.
func (p *path) send(s *shard, n int) int {
	if p.aimed > 0 {
		return s.batch.send(p.aimed, nil, n)
	}
	return s.batch.send(p.fd, &p.name, n)
}

// settle gives a phone that was found a socket of its own on the same port, connected to it: the kernel keeps the route,
// and what strangers send waits in the other socket, out of the phone's way. Without one it works too.
func (p *path) settle(s *shard) {
	if p.rtcp {
		return
	}
	fd, err := p.side.lease.Toward(p.dest)
	if err != nil || fd == p.aimed {
		return
	}
	if p.aimedSlot, err = s.join(p, fd); err != nil {
		p.side.lease.Everybody()
		return
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	p.aimed = fd
}

// unsettle takes that socket away.
func (p *path) unsettle() {
	if p.aimed > 0 {
		p.stream.shard.leave(p, p.aimed, p.aimedSlot)
		p.side.lease.Everybody()
		p.aimed = 0
	}
}

// receive takes one packet, or a batch when the socket has lately had more than one; now and then it looks.
func (p *path) receive(s *shard, fd int) int {
	if p.alone++; p.alone%look != 0 && !p.crowded {
		return s.batch.one(fd)
	}
	n := s.batch.receive(fd)
	p.crowded = n > 1
	return n
}

// look is how often a socket with one packet at a time is asked for more.
const look = 8

// count tells the metrics what a round has brought.
func (s *shard) count() {
	m := s.relay.metrics
	for _, c := range [...]struct {
		n  *int
		to interface{ Add(float64) }
	}{{&s.forwarded, m.forwarded}, {&s.refused, m.refused}, {&s.limited, m.limited}, {&s.nowhere, m.nowhere}, {&s.failed, m.failed}, {&s.found, m.found}} {
		if *c.n > 0 {
			c.to.Add(float64(*c.n))
			*c.n = 0
		}
	}
}
