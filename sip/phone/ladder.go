package phone

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Entry is one message of the ladder.
type Entry struct {
	At   time.Time
	Out  bool // sent by us
	Peer netip.AddrPort
	Net  string // UDP, TCP, TLS, WSS
	Raw  []byte // never changed after it was recorded
}

// First is the first line of the message.
func (e Entry) First() string {
	line, _, _ := bytes.Cut(e.Raw, []byte("\r\n"))
	return string(line)
}

// String is the ladder's line: time, arrow, first line.
func (e Entry) String() string {
	arrow := "<--"
	if e.Out {
		arrow = "-->"
	}
	return fmt.Sprintf("%s %s %s", e.At.Format("15:04:05.000"), arrow, e.First())
}

// Ladder records every message of a phone. Safe for concurrent use; it holds at most maxLadder entries, then forgets the
// oldest.
type Ladder struct {
	mu      sync.Mutex
	entries []Entry
	dropped int           // entries forgotten
	more    chan struct{} // closed and replaced with each entry
	tell    func(Entry)
}

const maxLadder = 10000

func newLadder(tell func(Entry)) *Ladder { return &Ladder{more: make(chan struct{}), tell: tell} }

func (l *Ladder) record(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == maxLadder {
		l.entries, l.dropped = append(l.entries[:0:0], l.entries[maxLadder/10:]...), l.dropped+maxLadder/10
	}
	l.entries = append(l.entries, e)
	close(l.more)
	l.more = make(chan struct{})
	if l.tell != nil {
		l.tell(e) // under the lock, so that it is told in order; Config.OnMessage must not block
	}
}

// Entries is a copy of what has been recorded so far.
func (l *Ladder) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Entry(nil), l.entries...)
}

// Expect returns the first entry, recorded already or still to come, that matches. It ends with ctx.
func (l *Ladder) Expect(ctx context.Context, match func(Entry) bool) (Entry, error) {
	seen := 0
	for {
		l.mu.Lock()
		news, more := l.entries[max(0, seen-l.dropped):], l.more
		seen = l.dropped + len(l.entries)
		l.mu.Unlock()
		for _, e := range news {
			if match(e) {
				return e, nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return Entry{}, fmt.Errorf("the expected message did not come: %w", context.Cause(ctx))
		}
	}
}
