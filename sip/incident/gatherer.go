package incident

import (
	"context"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sipward/internal/account"
)

const (
	// Window is how long a report is gathered.
	Window = 10 * time.Second
	// Most is how many sources of a kind are named within a window: 20 reports a second and kind.
	Most = 200

	look = time.Second // how often what is due is looked for
)

// Sink takes reports.
type Sink interface {
	Room() int          // how many it takes now
	Take(list []Report) // those, oldest first; it must not block
}

// Gatherer makes reports of incidents. It is safe for concurrent use.
type Gatherer struct {
	sink    Sink
	seed    maphash.Seed
	unnamed atomic.Uint64

	mu    sync.Mutex      // guards what follows; never held while the sink takes
	open  map[key]*report // those that count
	queue []*report       // the same, by age
	named map[Kind]int    // of them, with a source
}

// key is what incidents have in common that become one report.
type key struct {
	kind    Kind
	source  netip.Addr // invalid: those that are not named
	network string
	account account.ID
}

// report is an open one.
type report struct {
	key   key
	value Report
	users [UsersCounted]uint64 // hashes of the first value.Users
}

// NewGatherer makes one; Run hands on what it gathers.
func NewGatherer(sink Sink) *Gatherer {
	return &Gatherer{sink: sink, seed: maphash.MakeSeed(), open: map[key]*report{}, named: map[Kind]int{}}
}

// Tell counts an incident. It never blocks, and allocates only for a new report.
func (g *Gatherer) Tell(i Incident) {
	now, user := time.Now(), maphash.String(g.seed, i.User)
	k := key{kind: i.Kind, source: site(i.Source), network: i.Network, account: i.Account}
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.open[k]
	if r == nil {
		r = g.beginLocked(k, i, now)
	}
	r.value.Count++
	r.value.Last = now
	if i.User != "" && r.value.Source.IsValid() {
		r.claim(user)
	}
}

// beginLocked opens a report, or finds the one of those that are not named when there are too many of the kind.
func (g *Gatherer) beginLocked(k key, i Incident, now time.Time) *report {
	if g.named[k.kind] >= Most || !k.source.IsValid() {
		g.unnamed.Add(1)
		k, i = key{kind: k.kind}, Incident{Kind: k.kind}
		if r := g.open[k]; r != nil {
			return r
		}
	} else {
		g.named[k.kind]++
	}
	i = i.kept()
	if k.source.IsValid() {
		k.network = i.Network // the copy
	}
	r := &report{key: k, value: Report{Incident: i, First: now}}
	g.open[k] = r
	g.queue = append(g.queue, r)
	return r
}

// claim counts a user that was not claimed before.
func (r *report) claim(user uint64) {
	if n := r.value.Users; n < UsersCounted && !slices.Contains(r.users[:n], user) {
		r.users[n] = user
		r.value.Users++
	}
}

// site is the address of an IPv4 source, the /64 of an IPv6 one.
func site(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a, 64).Masked().Addr()
}

// Unnamed is how many incidents were told by number alone.
func (g *Gatherer) Unnamed() uint64 { return g.unnamed.Load() }

// Run hands on what is due until ctx ends, and then what is open.
func (g *Gatherer) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			g.hand(now.Add(-Window))
		case <-ctx.Done():
			g.hand(time.Now())
			return nil
		}
	}
}

// hand hands on what began by then, as far as there is room for it.
func (g *Gatherer) hand(then time.Time) {
	if list := g.take(then, g.sink.Room()); len(list) > 0 {
		g.sink.Take(list)
	}
}

func (g *Gatherer) take(then time.Time, room int) (list []Report) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for ; n < len(g.queue) && n < room && !g.queue[n].value.First.After(then); n++ {
		r := g.queue[n]
		list = append(list, r.value)
		delete(g.open, r.key)
		if r.key.source.IsValid() {
			g.named[r.key.kind]--
		}
	}
	g.queue = slices.Delete(g.queue, 0, n)
	return list
}
