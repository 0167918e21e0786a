package relay

import (
	"net/netip"
	"sync"

	"sipward/media"
)

// Side is one of the two ends of a call.
type Side uint8

// The sides of a call.
const (
	Caller Side = iota
	Callee
)

// Other is the side opposite.
func (s Side) Other() Side { return 1 - s }

// Call is one call whose media is relayed. It is safe for concurrent use.
type Call struct {
	relay *Relay
	shard *shard
	terms Terms

	mu       sync.Mutex // guards what follows; taken before a stream's lock
	streams  map[int]*stream
	answered int64 // on the relay's clock; 0: not yet
	told     bool  // silent was called
	closed   bool
}

// Terms of a call.
type Terms struct {
	// ICE: phones that do ICE keep their candidates and get ours as the last of them, and as what a phone without ICE sends
	// to; else ours is the only way.
	ICE bool
	// Owner is who has at most Config.PerOwner lines relayed at a time; empty: there is no limit.
	Owner string
	// Silent is called at most once, when neither phone has sent anything for Config.Silence although nobody is on hold; it
	// must not block.
	Silent func()
}

// Open begins a call: it takes the ports for the lines of its offer, or for one line when there is none yet, or returns
// media.ErrNoPorts or ErrTooMany.
func (r *Relay) Open(offer []byte, t Terms) (*Call, error) {
	c := &Call{relay: r, terms: t, streams: map[int]*stream{}}
	c.shard = r.shards[int(r.next.Add(1))%len(r.shards)]
	wanted := []int{0}
	if lines, err := media.Inspect(offer); err == nil && len(offer) > 0 {
		wanted = wanted[:0]
		for i, l := range lines {
			if l.RTP && l.Active {
				wanted = append(wanted, i)
			}
		}
	}
	for _, i := range wanted {
		if _, err := c.stream(i); err != nil {
			c.release()
			return nil, err
		}
	}
	r.keep(c)
	return c, nil
}

// stream is the stream of the m= line at an index, made when there is none; nil when the call has as many as it may.
func (c *Call) stream(index int) (*stream, error) {
	if st := c.streams[index]; st != nil || c.closed || len(c.streams) >= c.relay.config.Streams {
		return st, nil
	}
	if !c.relay.owners.take(c.terms.Owner) {
		c.relay.metrics.tooMany.Inc()
		return nil, ErrTooMany
	}
	st, err := newStream(c.relay, c.shard)
	if err != nil {
		c.relay.owners.give(c.terms.Owner)
		c.relay.metrics.exhausted.Inc()
		return nil, err
	}
	c.streams[index] = st
	return st, nil
}

// Origin is where a description comes from.
type Origin struct {
	Side Side
	Host netip.Addr // the signalling host: where the message that carries it came from
}

// Pass takes a description on its way to the other side and returns what the receiver is to see: local is our address
// as it reaches it. What is no description passes as it is. A line that there are no ports for, or that is one too many of
// its owner, is switched off, with media.ErrNoPorts or ErrTooMany besides.
func (c *Call) Pass(from Origin, local netip.Addr, sdp []byte) ([]byte, error) {
	lines, err := media.Inspect(sdp)
	if err != nil {
		return sdp, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.relay.now()
	places := make([]place, len(lines))
	for i, l := range lines {
		if !l.RTP || !l.Active {
			if st := c.streams[i]; st != nil && l.RTP {
				st.learn(from, l, now)
			}
			continue
		}
		st, problem := c.stream(i)
		if st == nil {
			places[i], err = place{off: true}, problem
			continue
		}
		st.learn(from, l, now)
		places[i] = st.place(from.Side.Other(), l)
		places[i].ice = c.terms.ICE && l.ICE.Does()
	}
	return rewrite(sdp, local, places), err
}

// Answered says that the call is up: from now on silence counts.
func (c *Call) Answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answered == 0 {
		c.answered = c.relay.now()
	}
}

// isSilent reports, once, that an answered call has been silent since a time, on every stream, and that no one is on hold.
func (c *Call) isSilent(since int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.told || c.answered == 0 || c.answered > since {
		return false
	}
	for _, st := range c.streams {
		if st.excused(since) {
			return false
		}
	}
	c.told = true
	return true
}

// Close ends the call: its ports rest, nothing is forwarded any more. It is idempotent and returns what was carried.
func (c *Call) Close() Report {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		return Report{}
	}
	report := c.report()
	c.release()
	c.relay.drop(c)
	c.relay.metrics.ended(report)
	return report
}

func (c *Call) release() {
	for _, st := range c.streams {
		st.close()
		c.relay.owners.give(c.terms.Owner)
	}
}
