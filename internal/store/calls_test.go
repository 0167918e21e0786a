package store_test

import (
	"fmt"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/location"
	"sipward/internal/store"
)

func record(i int, from, to account.ID, d call.Disposition) call.Record {
	at := time.Now().Add(-time.Hour).Add(time.Duration(i) * time.Second).UTC().Truncate(time.Millisecond)
	return call.Record{
		ID: fmt.Sprintf("call-%04d", i), CallID: "x", Node: "n1", From: from, FromNumber: "3001", To: to, ToNumber: "3002",
		Started: at, Ended: at.Add(time.Second), Disposition: d,
	}
}

// everyItem pages through a list until its end.
func everyItem[T any](t *testing.T, list func(cursor string) (store.Page[T], error)) (items []T) {
	t.Helper()
	for cursor := ""; ; {
		p, err := list(cursor)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, p.Items...)
		if cursor = p.Next; cursor == "" {
			return items
		}
	}
}

func (suite) CallsAreListedNewestFirstOnceEach(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	var list []call.Record
	for i := range 50 {
		d := call.Answered
		if i%5 == 0 {
			d = call.Busy
		}
		list = append(list, record(i, "alice", account.ID(fmt.Sprintf("bob%d", i%2)), d))
	}
	for range 2 { // written twice, as after an answer that got lost
		if err := s.Calls.Add(ctx, list); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		filter call.Filter
		want   int
	}{
		"all": {want: 50}, "caller": {call.Filter{Account: "alice"}, 50}, "callee": {call.Filter{Account: "bob1"}, 25},
		"busy": {call.Filter{Disposition: call.Busy}, 10}, "nobody": {call.Filter{Account: "carol"}, 0},
		"since": {call.Filter{From: list[40].Started}, 10}, "until": {call.Filter{Until: list[40].Started}, 40},
		"both": {call.Filter{Account: "bob0", From: list[10].Started, Until: list[20].Started}, 5}, "number": {call.Filter{Number: "9"}, 0},
	} {
		got := everyItem(t, func(cursor string) (store.Page[call.Record], error) { return s.Calls.List(ctx, c.filter, cursor, 7) })
		if len(got) != c.want {
			t.Errorf("%s: %d calls, want %d", name, len(got), c.want)
		}
		for i := 1; i < len(got); i++ {
			if !got[i].Started.Before(got[i-1].Started) {
				t.Errorf("%s: %s comes after %s", name, got[i].ID, got[i-1].ID)
			}
		}
	}
	if _, err := s.Calls.List(ctx, call.Filter{}, "no cursor", 7); err == nil {
		t.Error("a cursor of nobody was taken")
	}
}

func (suite) LiveCallsOfADeadNodeEnd(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	if err := s.Nodes.Beat(ctx, store.Node{ID: "n1"}); err != nil {
		t.Fatal(err)
	}
	talking, ringing, over := record(1, "a", "b", ""), record(2, "a", "b", ""), record(3, "a", "b", "")
	talking.Answered, talking.Disposition = talking.Started, call.Answered
	if err := s.Calls.Tell(ctx, "n1", []call.Record{talking, ringing, over}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Calls.Tell(ctx, "n1", nil, []string{over.ID}); err != nil {
		t.Fatal(err)
	}
	if up, err := s.Calls.Active(ctx); err != nil || len(up) != 2 {
		t.Fatalf("%d calls are up, %v; want 2", len(up), err)
	}
	if n, err := s.Calls.Abandon(ctx, "n2", "the node was restarted"); err != nil || n != 0 {
		t.Errorf("another node's restart ended %d calls, %v", n, err)
	}
	if n, err := s.Calls.Abandon(ctx, "n1", "the node was restarted"); err != nil || n != 2 {
		t.Fatalf("a restart ended %d calls, %v; want 2", n, err)
	}
	ended, err := s.Calls.List(ctx, call.Filter{}, "", 10)
	if err != nil || len(ended.Items) != 2 || ended.Items[0].Disposition != call.Failed || ended.Items[1].Disposition != call.Answered ||
		ended.Items[1].Reason != "the node was restarted" {
		t.Errorf("the ended calls are %+v, %v", ended.Items, err)
	}
	if up, err := s.Calls.Active(ctx); err != nil || len(up) != 0 {
		t.Errorf("%d calls are still up, %v", len(up), err)
	}
}

func (suite) SessionsGetTheirAccountLater(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	e := location.Session{ID: "s1", Session: "x", At: time.Now().UTC(), Kind: location.Connect, Node: "n1", Network: "tls"}
	add := func(list ...location.Session) {
		if err := s.Sessions.Add(ctx, list); err != nil {
			t.Fatal(err)
		}
	}
	add(e)
	named := e
	named.Account = "alice"
	register := named
	register.ID, register.Kind, register.At = "s2", location.Register, e.At.Add(time.Millisecond)
	add(named, register)
	for name, f := range map[string]location.SessionFilter{"all": {}, "alice": {Account: "alice"}} {
		got, err := s.Sessions.List(ctx, f, "", 10)
		if err != nil || len(got.Items) != 2 || got.Items[1].Account != "alice" || got.Items[0].Kind != location.Register {
			t.Errorf("%s: %+v, %v", name, got.Items, err)
		}
	}
}

// What is older than its time is forgotten, and nothing stays of it; with a negative time nothing is kept at all.
func (suite) HistoryIsForgotten(t *testing.T, b backend) {
	ctx := t.Context()
	now := time.Now()
	s := node(t, b.port(t), func(c *store.Config) {
		c.KeepCalls, c.KeepSessions, c.Now = time.Hour, -1, func() time.Time { return now }
	})
	var list []call.Record
	for i := range 20 {
		list = append(list, record(i, "alice", "bob", call.Answered)) // begun an hour ago and a little later
	}
	if err := s.Calls.Add(ctx, list); err != nil {
		t.Fatal(err)
	}
	now = list[9].Started.Add(time.Hour)
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Calls.List(ctx, call.Filter{Account: "bob"}, "", 100); err != nil || len(got.Items) != 10 {
		t.Errorf("%d calls are left, %v; want 10", len(got.Items), err)
	}
	if err := s.Sessions.Add(ctx, []location.Session{{ID: "s1", At: now}}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Sessions.List(ctx, location.SessionFilter{}, "", 100); err != nil || len(got.Items) != 0 {
		t.Errorf("%d entries were kept, %v; want none", len(got.Items), err)
	}
}
