package licenceproxy_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
)

// warnings runs the proxy, a fresh one, until it has counted, and returns how many events about an account there are.
func (w *world) warnings(id account.ID) (n int) {
	w.t.Helper()
	w.restart()
	ctx, cancel := context.WithCancel(w.t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := w.proxy.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	w.until("licences are counted and told", func() bool { return w.gauge("sipward_licence_expiring") == 1 })
	cancel()
	run.Wait()
	head, err := w.store.Changes.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for change, err := range w.store.Changes.After(w.t.Context(), "") {
		if err != nil {
			w.t.Fatal(err)
		}
		if change.Topic == account.TopicLicence && change.ID == string(id) {
			n++
		}
		if change.Cursor == head {
			break
		}
	}
	return n
}

func (w *world) gauge(name string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return 0
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	limit, tick := time.NewTimer(time.Minute), time.NewTicker(time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			w.t.Fatalf("%s: not in time", what)
		}
	}
}

// Operators are warned by one event when a licence ends within 14 days, and by one more when it has ended, whichever node
// counts and however often.
func TestOperatorsAreWarnedOnceOfEachEnd(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.vendor.Life = licence.WarnTime + time.Hour
	a, token := w.phone()
	w.ask(token).want(t, licence.Fresh)
	if list, err := w.proxy.Expiring(t.Context()); err != nil || len(list) > 0 {
		t.Fatalf("too early: %v, %v", list, err)
	}
	w.clock.add(2 * time.Hour)
	for range 2 {
		if n := w.warnings(a.ID); n != 1 {
			t.Errorf("%d warnings of the coming end, want 1", n)
		}
	}
	w.clock.add(licence.WarnTime)
	for range 2 {
		if n := w.warnings(a.ID); n != 2 {
			t.Errorf("%d warnings after the end, want 2", n)
		}
	}
}
