package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The limits of a recording.
const (
	maxRecording = 30 * time.Minute
	maxGap       = 10 * time.Second // a longer jump of the RTP clock is a new talkspurt, not a pause
	reorderDepth = 8                // packets that may arrive late: 160 ms
)

// Recorder receives the other side's audio: it authenticates, decrypts, brings into order, decodes. It is the ear of the
// test phone. Announcements need none.
type Recorder struct {
	conn     *net.UDPConn
	lease    *Lease
	listener listener // owned by run
	done     chan struct{}

	mu    sync.Mutex
	track track    // guarded by mu
	stats Received // guarded by mu
}

// Received counts what came in.
type Received struct {
	Packets int            // of the other side
	Refused int            // that proved not to be: unauthentic, foreign, replayed, malformed
	Lost    int            // that never came
	First   time.Time      // arrival of the first packet
	Last    time.Time      // arrival of the latest packet
	Source  netip.AddrPort // of the latest packet
}

// Record listens at the lease until Stop. There is one Recorder per lease at a time.
func Record(s *Session, l *Lease) (*Recorder, error) {
	if !l.reader.CompareAndSwap(false, true) {
		return nil, errors.New("media: the lease is being recorded already")
	}
	conn, err := l.conn()
	if err != nil {
		l.reader.Store(false)
		return nil, fmt.Errorf("record %s: %w", l.addr, err)
	}
	r := &Recorder{conn: conn, lease: l, listener: listener{session: s}, done: make(chan struct{})}
	s.refresh() // a stream that plays leaves the listening to us
	go r.run()
	return r, nil
}

// conn is a second descriptor of the RTP socket, in Go's poller.
func (l *Lease) conn() (*net.UDPConn, error) {
	if err := unix.SetsockoptInt(l.rtp, unix.SOL_SOCKET, unix.SO_RCVBUF, recordBuffer); err != nil {
		return nil, err
	}
	fd, err := unix.FcntlInt(uintptr(l.rtp), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "rtp")
	defer f.Close()
	c, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// Stop ends the recording, with all that has arrived by now, and returns it. It may be called again.
func (r *Recorder) Stop() PCM {
	_ = r.conn.SetReadDeadline(time.Unix(1, 0))
	<-r.done
	return r.PCM()
}

// PCM is what was heard so far, at the codec's rate. Lost packets and pauses are silence.
func (r *Recorder) PCM() PCM {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.track.pcm()
}

// Received tells the counts so far.
func (r *Recorder) Received() Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.stats
	st.Lost = r.track.lost
	return st
}

func (r *Recorder) run() {
	defer close(r.done)
	defer r.lease.reader.Store(false)
	defer r.conn.Close()
	buf := make([]byte, maxPacket)
	for {
		n, src, err := r.conn.ReadFromUDPAddrPort(buf)
		switch {
		case err == nil:
			r.packet(buf[:n], netip.AddrPortFrom(src.Addr().Unmap(), src.Port()), time.Now())
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
			r.drain(buf)
			return
		} // else we are told of a packet of ours that nobody took
	}
}

// drain takes what has arrived and was not yet read.
func (r *Recorder) drain(buf []byte) {
	for {
		n, src, e := receive(r.lease.rtp, buf)
		if e != 0 {
			return
		}
		r.packet(buf[:n], src, time.Now())
	}
}

func (r *Recorder) packet(b []byte, src netip.AddrPort, now time.Time) {
	if isRTCP(b) {
		return
	}
	payload, ok := r.listener.accept(b, src)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !ok {
		r.stats.Refused++
		return
	}
	if r.stats.Packets == 0 {
		r.stats.First = now
	}
	r.stats.Packets++
	r.stats.Last, r.stats.Source = now, src
	v := r.listener.session.view.Load()
	if r.listener.head.PayloadType == v.pt { // telephone events and comfort noise are not audio
		r.track.add(v.codec, &r.listener.head, payload)
	}
}
