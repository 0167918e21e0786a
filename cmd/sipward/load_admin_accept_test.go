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

// adminTurns is how often registrations alone and beside the API take turns, adminTurn each: a machine has good and bad
// moments, and both shall have both.
const adminTurns = 20

const adminTurn = time.Second

// steady is the least that a p99 alone counts for: below a fifth of L1's limit of 50 ms it is the machine's own. On two cores
// that Redis, the node and both generators share, turns of the same kind differ by more than what L10 grants.
const steady = 10 * time.Millisecond

// L10: the admin API at 200 requests a second over 10,000 accounts, beside 250 registrations a second.
func TestAdminLoadBesideRegistrations(t *testing.T) {
	p := spawn(t, t.TempDir(), kvtest.Redis(t).URL())
	phones := registered(t, p, 20000, 1000)
	lines := crowd(t, p, 200000, 9000)
	register := func() *tally {
		return paced(t.Context(), 250, adminTurn, func(ctx context.Context, i int) error { return phones[i%len(phones)].Register(ctx) })
	}
	ask := func() *tally {
		return paced(t.Context(), 200, adminTurn, func(ctx context.Context, i int) error { return p.ask(ctx, lines[i*7%len(lines)], i) })
	}
	var alone, beside, admin tally
	for range adminTurns {
		alone.addAll(register())
		asked := make(chan *tally, 1)
		go func() { asked <- ask() }()
		beside.addAll(register())
		admin.addAll(<-asked)
	}
	admin.none(t, "200 API requests/s")
	beside.none(t, "250 registrations/s beside them")
	within(t, "API, p99", admin.quantile(0.99), 200*time.Millisecond)
	was, is := alone.quantile(0.99), beside.quantile(0.99)
	within(t, fmt.Sprintf("registration p99 %s alone, %s beside the API: ratio %.2f; of at least %s", was, is, float64(is)/float64(was), steady),
		float64(is)/float64(max(was, steady)), 1.2)
	for _, q := range []float64{0.5, 0.9} {
		t.Logf("registration, quantile %v: %s alone, %s beside the API", q, alone.quantile(q), beside.quantile(q))
	}
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
