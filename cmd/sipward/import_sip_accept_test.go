//go:build accept

package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sipward/internal/apiclient"
	"sipward/internal/store/kv/kvtest"
)

// L10: phones hardly notice that 10,000 accounts are made of a file beside them: registrations at half the rate of L1
// keep to L1's own limit, and none fails.
func TestRegistrationsBesideAnImport(t *testing.T) {
	p := spawn(t, t.TempDir(), kvtest.Redis(t).URL())
	phones := registered(t, p, 20000, 1000)
	refresh := func(ctx context.Context, i int) error { return phones[i%len(phones)].Register(ctx) }
	alone := paced(t.Context(), 250, 10*time.Second, refresh)
	g, err := p.api.CreateGroup(t.Context(), apiclient.NewGroup{Name: "Batch"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, done := context.WithCancel(t.Context())
	defer done()
	ended := make(chan job, 1)
	go func() {
		defer done()
		ended <- p.imported(t, g.ID, batchFile(10_000, 0))
	}()
	beside := paced(ctx, 250, 2*time.Minute, func(_ context.Context, i int) error { return refresh(t.Context(), i) })
	j := <-ended
	if j.State != "done" || j.Created != 10_000 {
		t.Fatalf("the import: %+v", j)
	}
	beside.none(t, "registrations beside the import")
	within(t, "10,000 rows in", j.Ended.Sub(j.Begun).Round(time.Millisecond), 30*time.Second)
	within(t, "registration beside the import, p99", beside.quantile(0.99), 50*time.Millisecond)
	t.Logf("registration p99: %s alone, %s beside the import", alone.quantile(0.99), beside.quantile(0.99))
}

// imported sends a file and waits for the end of its job.
func (p *process) imported(t *testing.T, group, file string) (j job) {
	var begun struct{ ID string }
	_, err := p.api.Ask(t.Context(), apiclient.Request{
		Method: http.MethodPost, Path: "/api/v1/accounts:import", Query: url.Values{"group_id": {group}, "profile_id": {"default"}},
		Body: strings.NewReader(file), Kind: "text/csv", Long: true,
	}, &begun)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ; err == nil && j.Ended.IsZero(); <-tick.C {
		_, err = p.api.Ask(t.Context(), apiclient.Request{Method: http.MethodGet, Path: "/api/v1/jobs/" + begun.ID}, &j)
	}
	if err != nil {
		t.Error(err)
	}
	return j
}
