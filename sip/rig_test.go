package sip_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/location"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
	"sipward/media"
	"sipward/sip"
	"sipward/sip/incident"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

const domain = storetest.Realm

// rig is a whole node on free ports of loopback, over the real store.
type rig struct {
	*sip.Server
	store *store.Store
	certs siptest.Certificates
	ports *media.Ports
	clips *media.Library
	log   *syncBuffer
	stop  context.CancelFunc
	node  sync.WaitGroup // done when Run has returned

	mu      sync.Mutex
	records []call.Record       // guarded by mu
	told    []incident.Incident // guarded by mu
	news    chan struct{}       // closed and replaced at each record; guarded by mu
}

// change alters the configuration of a node under test.
type change func(*sip.Config, *sip.Deps)

// serve starts a node that ends with the test.
func serve(t testing.TB, changes ...change) *rig {
	t.Helper()
	return serveOn(t, storetest.Open(t, func(c *store.Config) { c.Node, c.Fsync = "n1", "interval" }), changes...)
}

// serveOn is serve over a store that the test has opened.
func serveOn(t testing.TB, s *store.Store, changes ...change) *rig {
	t.Helper()
	r := &rig{
		store: s,
		certs: siptest.NewCertificates(t, domain), clips: shortClips(t), log: &syncBuffer{}, news: make(chan struct{}),
	}
	ports, err := media.NewPorts(netip.MustParseAddr("127.0.0.1"), 30000, 39999)
	must(t, err)
	r.ports = ports
	local := []string{"127.0.0.1:0"}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := sip.Config{
		Domain: domain, Node: "n1", DrainTime: time.Millisecond,
		Transport: transport.Config{
			UDP: local, TCP: local, TLS: local, WSS: local,
			Limits: transport.Limits{Rate: 1e6, Burst: 1e6, Failures: 1e6, PerAddress: 1e6},
		},
	}
	pacer := media.NewPacer(0, log, nil)
	d := sip.Deps{
		Accounts: r.store.Accounts, Locations: r.store.Locations, Changes: r.store.Changes, Calls: r,
		Clips: r.clips, Ports: ports, Pacer: pacer,
		Transport: transport.Deps{TLS: r.certs.Server, TokenKey: bytes.Repeat([]byte{1}, 32), Node: "n1", Log: log},
		Ring:      storetest.Ring(), NonceKey: bytes.Repeat([]byte{2}, 32), CookieKey: bytes.Repeat([]byte{3}, 32),
		Now: time.Now, Log: log, Told: r.tell,
	}
	for _, f := range changes {
		f(&c, &d)
	}
	r.Server, err = sip.New(c, d)
	must(t, err)
	must(t, r.Listen(t.Context()))
	r.run(t, pacer)
	return r
}

func (r *rig) run(t testing.TB, pacer *media.Pacer) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r.stop = stop
	playing, silence := context.WithCancel(context.WithoutCancel(t.Context()))
	var media sync.WaitGroup
	r.node.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Errorf("the node ended with: %v", err)
		}
	})
	media.Go(func() { _ = pacer.Run(playing) })
	t.Cleanup(func() {
		stop()
		r.node.Wait()
		silence()
		media.Wait()
		r.ports.Close()
		if t.Failed() {
			t.Logf("log of the node:\n%s", r.log.String())
		}
	})
}

// Ended implements sip.Calls.
func (r *rig) Ended(c call.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, c)
	close(r.news)
	r.news = make(chan struct{})
}

// record waits for the n-th call record.
func (r *rig) record(t testing.TB, n int) call.Record {
	t.Helper()
	ctx := siptest.Within(t)
	for {
		r.mu.Lock()
		list, news := r.records, r.news
		r.mu.Unlock()
		if len(list) > n {
			return list[n]
		}
		select {
		case <-news:
		case <-ctx.Done():
			t.Fatalf("%d call records, want %d", len(list), n+1)
		}
	}
}

// line is an account, its password, and the node its phones speak to.
type line struct {
	account.Account
	password account.Secret
	r        *rig
}

// line makes an account with a short number that is also its user name.
func (r *rig) line(t testing.TB, number string, opts ...storetest.Option) *line {
	t.Helper()
	named := []storetest.Option{
		storetest.User(number), storetest.Number(account.Number(number)),
		func(a *account.Account) { a.Owner = "Owner of " + number },
	}
	a, password := storetest.Account(t, r.store, append(named, opts...)...)
	return &line{Account: a, password: password, r: r}
}

// tune alters a phone's configuration.
type tune func(*phone.Config)

func over(network string) tune { return func(c *phone.Config) { c.Transport = network } }

// phone is a phone of the line without sound; over TLS unless told otherwise.
func (l *line) phone(t testing.TB, tunes ...tune) *phone.Phone {
	t.Helper()
	return siptest.Phone(t, l.config(tunes...))
}

// registered is phone, and registered.
func (l *line) registered(t testing.TB, tunes ...tune) *phone.Phone {
	t.Helper()
	return siptest.Registered(t, l.config(tunes...))
}

func (l *line) config(tunes ...tune) phone.Config {
	c := phone.Config{
		Transport: "tls", TLS: l.r.certs.Client, Domain: domain, User: l.User, Password: phone.Secret(l.password.Reveal()),
		Mute: true, NoRefresh: true, UserAgent: "test phone",
	}
	for _, f := range tunes {
		f(&c)
	}
	if c.Server == "" {
		c.Server = l.r.Addr(transport.Network(c.Transport)).String()
	}
	return c
}

func (l *line) disable(t testing.TB) {
	t.Helper()
	l.update(t, func(a *account.Account) { a.Suspend("test", "test", time.Now()) })
}

func (l *line) enable(t testing.TB) {
	t.Helper()
	l.update(t, func(a *account.Account) { a.Resume() })
	eventually(t, "the node knows of it", func() bool { return !l.r.Out(l.ID) })
}

func (l *line) update(t testing.TB, f func(*account.Account)) {
	t.Helper()
	_, err := l.r.store.Accounts.Update(t.Context(), l.ID, func(a *account.Account) error { f(a); return nil })
	must(t, err)
}

// dial starts a call.
func dial(t testing.TB, p *phone.Phone, number string, opts ...phone.Options) *phone.Call {
	t.Helper()
	var o phone.Options
	if len(opts) > 0 {
		o = opts[0]
	}
	c, err := p.Call(siptest.Within(t), number, o)
	must(t, err)
	return c
}

func incoming(t testing.TB, p *phone.Phone) *phone.Call {
	t.Helper()
	c, err := p.Incoming(siptest.Within(t))
	must(t, err)
	return c
}

// said waits until a phone has sent a message whose first line begins so.
func said(t testing.TB, p *phone.Phone, first string) phone.Entry {
	t.Helper()
	e, err := p.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool { return e.Out && strings.HasPrefix(e.First(), first) })
	if err != nil {
		t.Fatalf("no %q was sent: %v", first, err)
	}
	return e
}

// ended waits for a call's end and compares its final code.
func ended(t testing.TB, c *phone.Call, code int) phone.Result {
	t.Helper()
	_ = c.Wait(siptest.Within(t)) // the result tells
	res := c.Result()
	if res.Code != code {
		t.Errorf("the call ended with %d %s (%v), want %d", res.Code, res.Phrase, res.Err, code)
	}
	return res
}

// saw waits until a phone has received a message whose first line begins so.
func saw(t testing.TB, p *phone.Phone, first string) phone.Entry {
	t.Helper()
	e, err := p.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool { return !e.Out && strings.HasPrefix(e.First(), first) })
	if err != nil {
		t.Fatalf("no %q came: %v", first, err)
	}
	return e
}

// received counts what a phone has received that begins so.
func received(p *phone.Phone, first string) (n int) {
	for _, e := range p.Ladder().Entries() {
		if !e.Out && strings.HasPrefix(e.First(), first) {
			n++
		}
	}
	return n
}

// request sends a request outside of any dialog and wants this final code.
func request(t testing.TB, p *phone.Phone, want int, method, target string, fields ...string) string {
	t.Helper()
	res, err := p.Request(siptest.Within(t), method, target, "", nil, fields...)
	must(t, err)
	if res.StatusCode != want {
		t.Errorf("%s %s: %d %s, want %d", method, target, res.StatusCode, res.Reason, want)
	}
	return res.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refusedWith checks an error of a phone.
func refusedWith(t testing.TB, err error, code int) {
	t.Helper()
	var refused *phone.Refused
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("got %v, want a refusal with %d", err, code)
	}
}

// eventually waits for something to become true; a passing test never waits long.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx := siptest.Within(t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not in time", what)
		}
	}
}

// shortClips are tones of 200 ms, one for every prompt in English.
func shortClips(t testing.TB) *media.Library {
	t.Helper()
	l, err := media.NewLibrary(fstest.MapFS{})
	must(t, err)
	for _, p := range media.Prompts() {
		l.Set(p, "en", tone(200*time.Millisecond))
	}
	return l
}

func tone(d time.Duration) *media.Clip { return media.NewClip(toneAt(d)) }

func toneAt(d time.Duration) media.PCM {
	const rate = 16000
	pcm := media.PCM{Rate: rate, Samples: make([]float32, int(d.Seconds()*rate))}
	for i := range pcm.Samples {
		pcm.Samples[i] = float32(0.4 * math.Sin(2*math.Pi*440*float64(i)/rate))
	}
	return pcm
}

// syncBuffer keeps the node's log for tests that fail.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// keep is a change of a location to the bindings of another set.
func keep(want location.Set) func(account.Account, location.Set) (location.Set, error) {
	return func(_ account.Account, s location.Set) (location.Set, error) {
		s.Bindings = want.Bindings
		return s, nil
	}
}
