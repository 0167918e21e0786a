package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// quarantine is how long a released pair stays bound and silent: a phone that has not heard the BYE yet goes on sending,
// and must not be heard in the next call.
const quarantine = 30 * time.Second

// Ports leases RTP/RTCP port pairs from a range. A released pair rests before it is leased again, because late packets
// of the former call still arrive. Safe for concurrent use.
type Ports struct {
	ip  netip.Addr       // static after construction
	now func() time.Time // static after construction

	mu      sync.Mutex
	free    []uint16  // guarded by mu; even ports, the longest unused first
	resting []resting // guarded by mu; the earliest released first
	leased  int       // guarded by mu
}

type resting struct {
	lease *Lease
	until time.Time
}

// PortsOption changes how Ports works.
type PortsOption func(*Ports)

// WithClock replaces time.Now, for tests of the quarantine.
func WithClock(now func() time.Time) PortsOption { return func(p *Ports) { p.now = now } }

// NewPorts leases from lo to hi on local address ip; an unspecified one binds all addresses. Lease.Addr has the address
// as given here.
func NewPorts(ip netip.Addr, lo, hi int, opts ...PortsOption) (*Ports, error) {
	if !ip.IsValid() || lo < 1024 || hi > 65535 || hi-lo < 1 || hi-lo == 1 && lo%2 == 1 {
		return nil, fmt.Errorf("media ports %d-%d on %s: the range must lie within 1024-65535 and hold an even port and the one above it: set media.ports", lo, hi, ip)
	}
	p := &Ports{ip: ip.Unmap(), now: time.Now}
	for _, opt := range opts {
		opt(p)
	}
	for port := lo + lo%2; port+1 <= hi; port += 2 {
		p.free = append(p.free, uint16(port))
	}
	// Nobody can guess which port comes next.
	rand.Shuffle(len(p.free), func(i, j int) { p.free[i], p.free[j] = p.free[j], p.free[i] })
	return p, nil
}

// Lease binds a pair, or returns ErrNoPorts. A pair that another program holds is passed over.
func (p *Ports) Lease() (*Lease, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweepLocked()
	for range len(p.free) {
		port := p.free[0]
		p.free = p.free[1:]
		l, err := bindPair(p.ip, port)
		if err == nil {
			l.ports = p
			p.leased++
			return l, nil
		}
		p.free = append(p.free, port)
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, fmt.Errorf("bind media port %d on %s: %w", port, p.ip, err)
		}
	}
	return nil, ErrNoPorts
}

// sweepLocked closes the pairs whose rest is over.
func (p *Ports) sweepLocked() {
	now := p.now()
	for len(p.resting) > 0 && !now.Before(p.resting[0].until) {
		l := p.resting[0].lease
		p.resting = p.resting[1:]
		l.close()
		p.free = append(p.free, l.addr.Port())
	}
}

// Leased is the number of pairs in use, resting ones not counted.
func (p *Ports) Leased() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leased
}

// Close closes the resting pairs at once: the node stops. Leases still in use close as they are released.
func (p *Ports) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.resting {
		r.lease.close()
		p.free = append(p.free, r.lease.addr.Port())
	}
	p.resting = nil
}

// Lease is a bound pair of sockets: RTP on the even port, RTCP on the odd one above it.
type Lease struct {
	ports     *Ports
	addr      netip.AddrPort
	rtp, rtcp int // sockets, non-blocking; static until closed

	aimed int // a second socket of the RTP port, connected; 0: none; owned by the stream that plays

	mu       sync.Mutex
	released bool // guarded by mu

	reader atomic.Bool // a Recorder reads the socket, so the pacer does not
}

// Addr is the RTP address; RTCP is on the port above.
func (l *Lease) Addr() netip.AddrPort { return l.addr }

// Sockets are the descriptors of the pair, non-blocking and in no poller; they are the lease's until it is released.
func (l *Lease) Sockets() (rtp, rtcp int) { return l.rtp, l.rtcp }

// Toward gives a second socket of the RTP port that is connected to an address, or connects the one there is elsewhere: it
// hears nobody else, and the first socket hears everybody else. It is the lease's; one goroutine at a time uses it.
func (l *Lease) Toward(to netip.AddrPort) (int, error) {
	var a rawAddr
	a.set(to, l.addr.Addr())
	return l.toward(&a)
}

// Everybody takes the socket of Toward away.
func (l *Lease) Everybody() {
	if l.aimed > 0 {
		_ = unix.Close(l.aimed)
		l.aimed = 0
	}
}

// Release closes the pair after the quarantine; idempotent. Play and Record must have ended.
func (l *Lease) Release() {
	l.mu.Lock()
	again := l.released
	l.released = true
	l.mu.Unlock()
	if again {
		return
	}
	l.quiet()
	l.ports.rest(l)
}

func (p *Ports) rest(l *Lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leased--
	p.resting = append(p.resting, resting{l, p.now().Add(quarantine)})
	p.sweepLocked()
}
