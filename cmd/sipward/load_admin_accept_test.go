//go:build accept

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"sipward/internal/apiclient"
	"sipward/internal/store/kv/kvtest"
)

// L10: the admin API at 200 requests a second over 10,000 accounts, beside registrations at half the rate of L1.
func TestAdminLoadBesideRegistrations(t *testing.T) {
	p := spawn(t, t.TempDir(), kvtest.Redis(t).URL())
	phones := registered(t, p, 20000, 1000)
	lines := crowd(t, p, 200000, 9000)
	refresh := func(ctx context.Context, i int) error { return phones[i%len(phones)].Register(ctx) }
	alone := paced(t.Context(), 250, 20*time.Second, refresh)

	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	asked := make(chan *tally, 1)
	go func() {
		asked <- paced(ctx, 200, 20*time.Second, func(ctx context.Context, i int) error { return p.ask(ctx, lines[i*7%len(lines)], i) })
	}()
	beside := paced(ctx, 250, 20*time.Second, refresh)
	admin := <-asked
	admin.none(t, "200 API requests/s")
	beside.none(t, "250 registrations/s beside them")
	within(t, "API, p99", admin.quantile(0.99), 200*time.Millisecond)
	within(t, "registration p99 beside the API, over alone", float64(beside.quantile(0.99))/float64(alone.quantile(0.99)), 1.2)
	t.Logf("registration p99: %s alone, %s beside the API", alone.quantile(0.99), beside.quantile(0.99))
}

// ask is one of what operators and their programs ask, in turn: an account, a page, a search, a filter, a change.
func (p *process) ask(ctx context.Context, l line, i int) error {
	get := func(path string, q url.Values) error {
		_, err := p.api.Ask(ctx, apiclient.Request{Method: http.MethodGet, Path: "/api/v1" + path, Query: q}, nil)
		return err
	}
	switch i % 5 {
	case 0:
		return get("/accounts/"+l.ID, nil)
	case 1:
		return get("/accounts", url.Values{"limit": {"50"}})
	case 2:
		return get("/accounts", url.Values{"q": {l.Number}})
	case 3:
		return get("/accounts", url.Values{"state": {"active"}, "limit": {"50"}})
	default:
		_, err := p.api.Ask(ctx, apiclient.Request{
			Method: http.MethodPatch, Path: "/api/v1/accounts/" + l.ID, Match: "*", Body: map[string]string{"description": fmt.Sprint("note ", i)},
		}, nil)
		return err
	}
}
