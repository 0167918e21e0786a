package apitest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/web"
	"sipward/provisioning"
)

// BaseURL is where every link here begins.
const BaseURL = "https://phones.example"

// Letters is an outbox that keeps what it is given.
type Letters struct {
	mu   sync.Mutex
	sent []message.Message
}

// Send keeps the message.
func (l *Letters) Send(_ context.Context, m message.Message) (message.Message, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.ID, m.Status = message.NewID(), message.Queued
	l.sent = append(l.sent, m)
	return m, nil
}

// All is what was sent so far.
func (l *Letters) All() []message.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]message.Message(nil), l.sent...)
}

// provisioning builds that part of the API, and the public listener.
func (a *API) provisioning(cursors *web.Cursors, log *slog.Logger) *provisioning.API {
	a.t.Helper()
	a.Letters = &Letters{}
	prov, err := provisioning.New(provisioning.Config{
		Realm: Realm, Name: "Example Phones", BaseURL: BaseURL, CA: "-----BEGIN CERTIFICATE-----\n",
		Transports: []provisioning.Transport{{Transport: "tls", Host: "sip.example", Port: 5061}},
		ICE:        ice,
		App: provisioning.App{
			Name: "Phone", Scheme: "pgsm", AppleStore: "https://apps.example/phone", AndroidStore: "https://play.example/phone",
			AppleIDs: []string{"ABCDE12345.com.example.phone"}, AndroidPackage: "com.example.phone", AndroidFingerprints: []string{fingerprint},
		},
	}, provisioning.Deps{
		Accounts: &lossy{Accounts: a.Store.Accounts, api: a}, Groups: a.Store.Groups, Profiles: a.Store.Profiles, Activations: a.Store.Activations, Jobs: a.Store.Jobs,
		Locations: a.Store.Locations, Outbox: a.Letters, Messages: a.Store.Outbox, Devices: web.NewDevices(a.Store.Devices, nil, time.Now),
		Ring: a.Ring, Answers: seal.NewRing("answer", seal.NewRoot()), FormKey: []byte("form key"), Cursors: cursors, Now: a.now, Log: log,
	})
	must(a.t, err)
	a.Provisioning = prov
	a.Public, err = web.New(web.Config{}, web.Deps{Tokens: a.Store.Tokens, Log: log, Metrics: prometheus.NewRegistry(), Now: time.Now}, prov.Public())
	must(a.t, err)
	return prov
}

// ice is a STUN and a TURN server with a credential of 24 hours, renewed after 12.
func ice(id account.ID, now time.Time, once bool) []provisioning.ICEServer {
	until := now.Truncate(12 * time.Hour).Add(24 * time.Hour).UTC()
	if once {
		until = now.Add(365 * 24 * time.Hour).UTC()
	}
	return []provisioning.ICEServer{
		{URLs: []string{"stun:sip.example:3478"}},
		{URLs: []string{"turn:sip.example:3478?transport=udp"}, Username: fmt.Sprintf("%d:%s", until.Unix(), id), Password: "x", Expires: until},
	}
}

// lossy are accounts whose store has no time now and then, before it has written one or after.
type lossy struct {
	*store.Accounts
	api   *API
	n     atomic.Int64
	first sync.Mutex // held while what Meanwhile asked for is done
}

// Create does what Meanwhile asked for first, and loses the answers that LoseAnswers asked for.
func (l *lossy) Create(ctx context.Context, acc account.Account) (account.Account, error) {
	l.first.Lock()
	if f := l.api.meanwhile.Swap(nil); f != nil {
		(*f)()
	}
	l.first.Unlock()
	every := l.api.lose.Load()
	n := l.n.Add(1)
	if every == 0 || n%every != 0 {
		return l.Accounts.Create(ctx, acc)
	}
	if n/every%2 == 0 {
		return acc, kv.ErrUnavailable
	}
	if _, err := l.Accounts.Create(ctx, acc); err != nil {
		return acc, err
	}
	return acc, kv.ErrUnavailable
}

// LoseAnswers has the store miss its time at every nth account that is made from now on; 0: never.
func (a *API) LoseAnswers(every int) { a.lose.Store(int64(every)) }

// Meanwhile has f done just before the next account is written through the API, which f must not do itself.
func (a *API) Meanwhile(f func()) { a.meanwhile.Store(&f) }

// now is the clock of provisioning, which Later moves.
func (a *API) now() time.Time { return time.Now().Add(time.Duration(a.later.Load())) }

// Later moves the clock of provisioning.
func (a *API) Later(d time.Duration) { a.later.Add(int64(d)) }

const fingerprint = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
