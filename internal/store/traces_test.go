package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/audit"
	"sipward/internal/store"
	"sipward/internal/trace"
)

// A trace is there on every node at once, is counted over all nodes, and ends by itself or when it is told to.
func (suite) TracesBeginAndEnd(t *testing.T, b backend) {
	ctx, clock := t.Context(), time.Now()
	s, err := store.New(ctx, b.port(t), store.Config{Now: func() time.Time { return clock }}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := func(a account.ID) (trace.Trace, error) {
		acting := audit.With(ctx, audit.Act{By: "ada"})
		return s.Traces.Start(acting, trace.Trace{Account: a, Names: []string{"1001"}, By: "ada", Started: clock, Until: clock.Add(trace.Usual)})
	}
	first, err := begin("alice")
	if err != nil || first.ID == "" {
		t.Fatalf("start: %+v, %v", first, err)
	}
	if _, err := begin("alice"); !errors.Is(err, trace.ErrRuns) {
		t.Errorf("a second one: %v", err)
	}
	for i := 1; i < trace.MostTraces; i++ {
		if _, err := begin(account.ID(fmt.Sprintf("line-%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := begin("bob"); !errors.Is(err, trace.ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if running, err := s.Traces.Running(ctx); err != nil || len(running) != trace.MostTraces {
		t.Errorf("%d run, %v", len(running), err)
	}
	stopped, err := s.Traces.Stop(audit.With(ctx, audit.Act{By: "ada"}), "alice")
	if err != nil || stopped.Stopped == nil || stopped.Running(clock) {
		t.Errorf("stop: %+v, %v", stopped, err)
	}
	if again, err := begin("alice"); err != nil || again.ID == first.ID {
		t.Errorf("again: %+v, %v", again, err)
	}
	log, err := s.Audit.List(ctx, audit.Filter{Kind: "trace", ID: "alice"}, "", 10)
	if err != nil || len(log.Items) != 3 {
		t.Errorf("the audit log has %d entries of start, stop and start, %v", len(log.Items), err)
	}
	clock = clock.Add(trace.Usual + time.Second)
	if running, err := s.Traces.Running(ctx); err != nil || len(running) != 0 {
		t.Errorf("%d run behind their end, %v", len(running), err)
	}
	if _, err := begin("bob"); err != nil {
		t.Errorf("the places are free again: %v", err)
	}
	if _, err := s.Traces.Of(ctx, "nobody"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("no trace: %v", err)
	}
}

// Two nodes write at once: nothing is lost, nothing is there twice, and the limits hold over both.
func (suite) TracesAreWrittenByAllNodes(t *testing.T, b backend) {
	ctx := t.Context()
	s, err := store.New(ctx, b.port(t), store.Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	order, err := s.Traces.Start(ctx, trace.Trace{Account: "alice", Started: now, Until: now.Add(trace.Usual)})
	if err != nil {
		t.Fatal(err)
	}
	var nodes sync.WaitGroup
	for n := range 2 {
		nodes.Go(func() {
			for i := range 10 {
				m := trace.Message{Trace: order.ID, Account: "alice", At: now, Node: fmt.Sprint(n), CSeq: fmt.Sprint(i), Text: "x"}
				if err := s.Traces.Add(ctx, []trace.Message{m, m}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	nodes.Wait()
	order, err = s.Traces.Of(ctx, "alice")
	if err != nil || order.Messages != 40 || order.Bytes != 40 {
		t.Fatalf("%+v, %v", order, err)
	}
	seen := map[string]int{}
	for after := 0; after < order.Messages; after += 15 {
		list, err := s.Traces.Lines(ctx, order, after, 15)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			seen[m.Node+"/"+m.CSeq]++
		}
	}
	for of, times := range seen {
		if times != 2 {
			t.Errorf("%s is there %d times, want 2", of, times)
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d messages, want 20", len(seen))
	}
	big := trace.Message{Trace: order.ID, Account: "alice", Text: strings.Repeat("x", trace.MostBytes/2)}
	for range 3 {
		if err := s.Traces.Add(ctx, []trace.Message{big}); err != nil {
			t.Fatal(err)
		}
	}
	if order, err = s.Traces.Of(ctx, "alice"); err != nil || order.Bytes > trace.MostBytes || order.Messages != 41 {
		t.Errorf("beyond the limit: %+v, %v", order, err)
	}
}
