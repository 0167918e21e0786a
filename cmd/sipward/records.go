package main

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"sipward/internal/call"
	"sipward/internal/journal"
	"sipward/internal/location"
	"sipward/internal/store"
	"sipward/internal/trace"
	"sipward/sip/dialog"
)

const (
	tellEvery   = time.Second // how often the other nodes hear which calls are up
	writeTime   = 2 * time.Second
	wasRestart  = "the node was restarted"
	keepNothing = -1

	tracesWaiting = 4096 // messages of traces, at most 8 KiB each
)

// records are what the node writes of what has happened, off the path of the calls.
type records struct {
	calls    *journal.Journal[call.Record]
	sessions *journal.Journal[location.Session]
	traced   *journal.Journal[trace.Message]
	traces   *store.Traces
}

func (n *node) journals(ctx context.Context) {
	n.records = records{
		calls:    journal.New(ctx, journal.Config{Name: "calls"}, bounded(n.store.Calls.Add), n.log, n.registry),
		sessions: journal.New(ctx, journal.Config{Name: "sip_sessions"}, bounded(n.store.Sessions.Add), n.log, n.registry),
		traced:   journal.New(ctx, journal.Config{Name: "sip_traces", Limit: tracesWaiting}, bounded(n.store.Traces.Add), n.log, n.registry),
		traces:   n.store.Traces,
	}
}

// Running and Add are for the tracer (sip.Traces).
func (r records) Running(ctx context.Context) ([]trace.Trace, error) { return r.traces.Running(ctx) }

// Add takes a message of a trace.
func (r records) Add(m trace.Message) { r.traced.Add(m) }

// bounded limits the time of one write.
func bounded[T any](write func(context.Context, []T) error) func(context.Context, []T) error {
	return func(ctx context.Context, batch []T) error {
		ctx, cancel := context.WithTimeout(ctx, writeTime)
		defer cancel()
		return write(ctx, batch)
	}
}

// Ended takes the record of a call that is over (sip.Calls).
func (r records) Ended(c call.Record) {
	if c.ID == "" { // it was refused before there was a dialog
		c.ID = strings.ToLower(rand.Text())
	}
	r.calls.Add(c)
}

// followCalls tells the store which calls are up on this node, until ctx ends; what an earlier process left is ended
// first. A call shorter than a second may never be told: its record comes when it ends.
func (n *node) followCalls(ctx context.Context) error {
	told, cleared := map[string]call.Record{}, false
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		if !cleared {
			cleared = n.abandon(ctx)
		}
		if cleared {
			n.tell(ctx, told, n.sip.Calls())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
			defer cancel()
			n.tell(last, told, nil)
			return nil
		}
	}
}

// abandon ends the calls of this node's last life; false: the store is away, try again.
func (n *node) abandon(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	count, err := n.store.Calls.Abandon(ctx, n.id, wasRestart)
	if count > 0 {
		n.log.Info("calls of this node's last life were ended", "calls", count)
	}
	return err == nil
}

// tell writes the difference to what was told last; after an error the same difference is told again.
func (n *node) tell(ctx context.Context, told map[string]call.Record, live []*dialog.Dialog) {
	now := make(map[string]call.Record, len(live))
	var up []call.Record
	for _, d := range live {
		r := d.Record()
		now[r.ID] = r
		if told[r.ID] != r {
			up = append(up, r)
		}
	}
	var over []string
	for id := range told {
		if _, ok := now[id]; !ok {
			over = append(over, id)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if err := n.store.Calls.Tell(ctx, n.id, up, over); err != nil {
		return // the store's adapter says that it is away
	}
	for _, r := range up {
		told[r.ID] = r
	}
	for _, id := range over {
		delete(told, id)
	}
}

// Active lists the calls that are up on all nodes, for the API: this node's as they are, the others' as they told last.
func (n *node) Active(ctx context.Context) ([]call.Record, error) {
	told, err := n.store.Calls.Active(ctx)
	if err != nil {
		return nil, err
	}
	var list []call.Record
	for _, r := range told {
		if r.Node != n.id {
			list = append(list, r)
		}
	}
	for _, d := range n.sip.Calls() {
		list = append(list, d.Record())
	}
	return list, nil
}

// keep is a retention as the store wants it: 0 in the configuration is none.
func keep(d time.Duration) time.Duration {
	if d == 0 {
		return keepNothing
	}
	return d
}
