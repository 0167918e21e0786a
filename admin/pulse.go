package admin

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/location"
)

// pulseEvery is how often a node looks at what no change stream tells: who registers, which calls are up, which nodes
// live. All event streams of a node share one look.
const pulseEvery = time.Second

// The topics that the pulse adds to those of the change stream.
const (
	topicRegistrations account.Topic = "registrations" // ID is an account.ID; "" when only their number is known
	topicCalls         account.Topic = "calls"         // ID is a call's
	topicNodes         account.Topic = "nodes"         // ID is a node's
)

// beatSeen is one look.
type beatSeen struct {
	at         time.Time
	registered int
	newest     []location.Session // of the log, the newest first
	calls      map[string]call.Record
	nodes      map[string]bool
}

// pulse is the last look, shared by the streams of this node.
type pulse struct {
	mu   sync.Mutex
	last beatSeen
}

// look returns what is there now, or was less than pulseEvery ago.
func (a *API) look(ctx context.Context) (beatSeen, error) {
	a.pulse.mu.Lock()
	defer a.pulse.mu.Unlock()
	if now := time.Now(); now.Sub(a.pulse.last.at) < pulseEvery*9/10 {
		return a.pulse.last, nil
	}
	seen := beatSeen{at: time.Now(), calls: map[string]call.Record{}, nodes: map[string]bool{}}
	tally, err := a.Counts.Tally(ctx)
	if err != nil {
		return seen, err
	}
	seen.registered = tally.Registered
	sessions, err := a.Sessions.List(ctx, location.SessionFilter{}, "", 100)
	if err != nil {
		return seen, err
	}
	seen.newest = sessions.Items
	if a.Calls != nil {
		up, err := a.Calls.Active(ctx)
		if err != nil {
			return seen, err
		}
		for _, c := range up {
			seen.calls[c.ID] = c
		}
	}
	nodes, err := a.Nodes.List(ctx)
	if err != nil {
		return seen, err
	}
	for _, n := range nodes {
		seen.nodes[n.ID] = true
	}
	a.pulse.last = seen
	return seen, nil
}

// since tells what is different from an older look, as hints.
func (b beatSeen) since(old beatSeen) (list []account.Change) {
	add := func(t account.Topic, id string, n int) {
		list = append(list, account.Change{Topic: t, ID: id, Version: uint64(n), At: b.at})
	}
	who := map[account.ID]bool{}
	for _, s := range b.newest {
		if len(old.newest) > 0 && s.ID == old.newest[0].ID {
			break
		}
		if s.Account != "" && s.Kind != location.Connect {
			who[s.Account] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(who)) {
		add(topicRegistrations, string(id), b.registered)
	}
	if len(who) == 0 && b.registered != old.registered {
		add(topicRegistrations, "", b.registered)
	}
	for _, id := range changedKeys(old.calls, b.calls, func(x, y call.Record) bool { return x.Answered.Equal(y.Answered) && x.Ended.Equal(y.Ended) }) {
		add(topicCalls, id, len(b.calls))
	}
	for _, id := range changedKeys(old.nodes, b.nodes, func(x, y bool) bool { return x == y }) {
		add(topicNodes, id, len(b.nodes))
	}
	return list
}

// changedKeys are the keys that are in one map only, or whose values are not the same.
func changedKeys[V any](old, fresh map[string]V, same func(x, y V) bool) (keys []string) {
	for k, v := range fresh {
		if o, there := old[k]; !there || !same(o, v) {
			keys = append(keys, k)
		}
	}
	for k := range old {
		if _, there := fresh[k]; !there {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// beat adds the pulse to the feed of one stream until ctx ends.
func (a *API) beat(ctx context.Context, feed chan<- news) {
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	old, err := a.look(ctx)
	known := err == nil
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		seen, err := a.look(ctx)
		if err != nil {
			continue // the change stream tells that the store is away
		}
		if known {
			for _, c := range seen.since(old) {
				select {
				case feed <- news{change: c}:
				case <-ctx.Done():
					return
				}
			}
		}
		old, known = seen, true
	}
}
