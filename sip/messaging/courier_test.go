package messaging_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
	"sipward/sip/messaging"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// faulty is a store that counts what rounds write at their end, and can lose it.
type faulty struct {
	messaging.Store
	yields atomic.Int64
	lost   atomic.Bool
}

func (f *faulty) Yield(ctx context.Context, l parcel.Lease, next time.Time) error {
	defer f.yields.Add(1)
	if f.lost.Load() {
		return errors.New("the store went away")
	}
	return f.Store.Yield(ctx, l, next)
}

// dead is a network on which each try fails at once, and is counted.
type dead struct{ tries atomic.Int64 }

func (d *dead) Request(*transport.Flow, *gosip.Request, func(*gosip.Response, error)) (*tx.Client, error) {
	d.tries.Add(1)
	return nil, errors.New("the phone's connection broke")
}

// post is a courier with one recipient, whose phone is bound, and one message for it; time passes only by the test.
type post struct {
	*messaging.Courier
	net   dead
	keep  *faulty
	store *store.Store
	to    account.ID
	now   atomic.Int64
}

func newPost(t *testing.T) *post {
	t.Helper()
	p := &post{}
	p.now.Store(time.Now().UnixNano())
	clock := func() time.Time { return time.Unix(0, p.now.Load()) }
	p.store = storetest.Open(t, func(c *store.Config) { c.Now = clock })
	p.keep = &faulty{Store: p.store.Parcels}
	a, _ := storetest.Account(t, p.store, func(a *account.Account) { a.Messaging = true })
	p.to = a.ID
	box := seal.NewRing("messages", seal.Root{4})
	letters, err := parcel.NewPost(parcel.Config{PerMinute: 10}, p.store.Parcels, nil, box, clock)
	must(t, err)
	p.register(t, 1)
	p.Courier = messaging.New(messaging.Config{Domain: "sipward.test", Node: "n", Look: time.Hour}, messaging.Deps{
		Store: p.keep, Post: letters, Accounts: p.store.Accounts, Locations: p.store.Locations,
		Outdated: func(account.Account) bool { return false },
		Flow:     func(location.Binding) *transport.Flow { return &transport.Flow{} },
		Via:      func(*transport.Flow) *gosip.ViaHeader { return &gosip.ViaHeader{} },
		Send:     &p.net, Panicked: func(where string, v any) { t.Errorf("%s: %v", where, v) },
		Now: clock, Log: slog.New(slog.DiscardHandler),
	})
	_, err = letters.Accept(t.Context(), parcel.Order{From: a, To: a, Dialled: a.Number, SenderID: "s", Type: "text/plain", Body: []byte("x")})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() { stop(); must(t, <-ended) })
	p.wait(t, 1) // its first look finds the message
	return p
}

// register binds the phone by the n-th REGISTER.
func (p *post) register(t *testing.T, n uint32) {
	t.Helper()
	_, err := p.store.Locations.Update(t.Context(), p.to, func(_ account.Account, s location.Set) (location.Set, error) {
		s.Bindings = []location.Binding{{Contact: "<sip:b@192.0.2.1>", URI: "sip:b@192.0.2.1", CallID: "c", CSeq: n, Q: 1, Network: "tcp", Node: "n", Flow: "f",
			Expires: time.Unix(0, p.now.Load()).Add(time.Hour).UTC(), Since: time.Unix(0, p.now.Load()).UTC()}}
		return s, nil
	})
	must(t, err)
}

// wait waits until n rounds have ended.
func (p *post) wait(t *testing.T, n int64) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); p.keep.yields.Load() < n; <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%d rounds ended, want %d", p.keep.yields.Load(), n)
		}
	}
}

// round begins a round by a hint and waits for its end: so often the phone was tried.
func (p *post) round(t *testing.T, hint func(account.ID), want int64) {
	t.Helper()
	n := p.keep.yields.Load()
	hint(p.to)
	p.wait(t, n+1)
	if got := p.net.tries.Load(); got != want {
		t.Errorf("%d tries, want %d", got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The hint of a registration comes behind the answer to it, and by then a try may have gone to it: that is not doubled.
// The next registration is tried at once, a refresh as well, also when it is another hint that tells of it.
func TestALateHintOfARegistrationDoublesNoTry(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.round(t, p.Registered, 1)
	p.round(t, p.Accepted, 1)
	p.register(t, 2)
	p.round(t, p.Registered, 2)
	p.round(t, p.Registered, 2)
	p.register(t, 3)
	p.round(t, p.Accepted, 3)
	p.now.Add(int64(parcel.Pause - time.Second))
	p.round(t, p.Registered, 3)
	p.now.Add(int64(time.Second))
	p.round(t, p.Accepted, 4)
}

// A round that cannot write its end has made its try all the same: after its lease nobody repeats it within the pause.
func TestATryWhoseEndIsLostIsNotDoubled(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.now.Add(int64(parcel.Pause))
	p.keep.lost.Store(true)
	p.round(t, p.Accepted, 2)
	p.keep.lost.Store(false)
	p.now.Add(int64(parcel.Pause - time.Second)) // its lease is over
	p.round(t, p.Accepted, 2)
	p.now.Add(int64(time.Second))
	p.round(t, p.Accepted, 3)
}
