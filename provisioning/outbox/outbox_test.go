package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
	"sipward/internal/web"
	"sipward/provisioning/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway is a sender whose behaviour a test decides; it counts what it was given by reference.
type gateway struct {
	mu   sync.Mutex
	got  map[message.ID]int
	text map[message.ID]string
	do   func(m message.Message) ([]string, error)
}

func newGateway(do func(m message.Message) ([]string, error)) *gateway {
	return &gateway{got: map[message.ID]int{}, text: map[message.ID]string{}, do: do}
}

func (*gateway) Name() string { return "test" }

func (g *gateway) Send(_ context.Context, m message.Message) ([]string, error) {
	g.mu.Lock()
	g.got[m.ID]++
	g.text[m.ID] = m.Content.Text
	do := g.do
	g.mu.Unlock()
	return do(m)
}

func (g *gateway) behave(do func(m message.Message) ([]string, error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.do = do
}

func ok(m message.Message) ([]string, error) { return []string{string(m.ID)}, nil }

type rig struct {
	*outbox.Outbox
	store *store.Store
	wait  func(id message.ID, s message.Status) message.Message
}

func open(t *testing.T, st *store.Store, node string, c outbox.Config, g *gateway, more ...func(*outbox.Deps)) *rig {
	t.Helper()
	var mu sync.Mutex
	news := sync.NewCond(&mu)
	d := outbox.Deps{
		Store: st.Outbox, Senders: map[message.Channel]outbox.Sender{message.SMS: g, message.Email: g}, Node: node,
		Ring: seal.NewRing("outbox", seal.Root{1}), Cursors: web.NewCursors(nil), Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Changed: func(context.Context, message.Message) { mu.Lock(); news.Broadcast(); mu.Unlock() },
	}
	for _, f := range more {
		f(&d)
	}
	o, err := outbox.New(c, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	deadline := time.Now().Add(20 * time.Second)
	r := &rig{Outbox: o, store: st}
	r.wait = func(id message.ID, s message.Status) message.Message {
		t.Helper()
		for {
			m, err := st.Outbox.ByID(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if m.Status == s {
				return m
			}
			if time.Now().After(deadline) {
				t.Fatalf("message is %s (%s), want %s; %+v", m.Status, m.Reason, s, m.History)
			}
			mu.Lock()
			wake := time.AfterFunc(200*time.Millisecond, func() { mu.Lock(); news.Broadcast(); mu.Unlock() })
			news.Wait()
			mu.Unlock()
			wake.Stop()
		}
	}
	return r
}

var ann = account.NewID()

func sms(to, text string) message.Message {
	return message.Message{Account: ann, Kind: message.Activation, Channel: message.SMS, To: to, Content: message.Content{Text: text}}
}

func TestAMessageIsSentOnceAndForgotten(t *testing.T) {
	t.Parallel()
	g := newGateway(ok)
	r := open(t, storetest.Open(t), "n1", outbox.Config{}, g)
	m := sms("+39 02 1234-5678", "https://x/a/TOKEN")
	m.Key = "link-1"
	first, err := r.Send(t.Context(), m)
	if err != nil || first.Status != message.Queued || first.To != "+390212345678" || first.Content.Text != "" {
		t.Fatalf("%+v %v", first, err)
	}
	again, err := r.Send(t.Context(), m)
	if err != nil || again.ID != first.ID {
		t.Fatalf("the same key made another message: %v %v", again.ID, err)
	}
	sent := r.wait(first.ID, message.Sent)
	if sent.Sealed != nil || sent.Driver != "test" || sent.Sent.IsZero() || len(sent.History) != 2 {
		t.Errorf("%+v", sent)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.got[first.ID] != 1 || g.text[first.ID] != "https://x/a/TOKEN" {
		t.Errorf("the gateway got %v %v", g.got, g.text)
	}
}

// Two nodes share the work and never send the same message.
func TestTwoNodesNeverSendTheSameMessage(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	g := newGateway(ok)
	a, _ := open(t, st, "n1", outbox.Config{}, g), open(t, st, "n2", outbox.Config{}, g)
	var ids []message.ID
	for i := range 60 {
		m, err := a.Send(t.Context(), sms(fmt.Sprintf("+3902%06d", i), "hello"))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ID)
	}
	for _, id := range ids {
		a.wait(id, message.Sent)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, n := range g.got {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
}

// F18: the gateway is away, then limits, then works; nothing is lost and nothing is sent twice.
func TestAGatewayThatComesBackGetsEverythingOnce(t *testing.T) {
	t.Parallel()
	g := newGateway(func(message.Message) ([]string, error) {
		return nil, &message.Failure{Reason: "connection refused", Gateway: true}
	})
	r := open(t, storetest.Open(t), "n1", outbox.Config{}, g)
	var ids []message.ID
	slowest := time.Duration(0)
	for i := range 10 {
		began := time.Now()
		m, err := r.Send(t.Context(), sms(fmt.Sprintf("+3902%06d", i), "hello"))
		if err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(began))
		ids = append(ids, m.ID)
	}
	t.Logf("slowest queueing while the gateway is away %s / limit 300ms", slowest)
	if slowest > 300*time.Millisecond {
		t.Error("queueing waits for the gateway")
	}
	var limited atomic.Int32
	g.behave(func(m message.Message) ([]string, error) {
		if limited.Add(1) == 1 {
			return nil, &message.Failure{Reason: "429", Gateway: true, Retry: time.Second}
		}
		return ok(m)
	})
	for _, id := range ids {
		if m := r.wait(id, message.Sent); m.Reason != "" {
			t.Errorf("a sent message keeps the reason %q", m.Reason)
		}
	}
}

func TestWhatWasGivenUpIsRetriedByHand(t *testing.T) {
	t.Parallel()
	g := newGateway(func(message.Message) ([]string, error) {
		return nil, &message.Failure{Reason: "number barred", Permanent: true, Status: message.Rejected}
	})
	r := open(t, storetest.Open(t), "n1", outbox.Config{}, g)
	m, err := r.Send(t.Context(), sms("+390212345678", "TOKEN"))
	if err != nil {
		t.Fatal(err)
	}
	dead := r.wait(m.ID, message.Rejected)
	if !dead.Dead || dead.Reason != "number barred" || dead.Sealed == nil {
		t.Fatalf("%+v", dead)
	}
	g.behave(ok)
	if _, err := r.Retry(t.Context(), m.ID, "op"); err != nil {
		t.Fatal(err)
	}
	sent := r.wait(m.ID, message.Sent)
	if _, err := r.Retry(t.Context(), m.ID, "op"); !errors.Is(err, message.ErrState) {
		t.Errorf("a sent message was retried: %v", err)
	}
	if sent.Dead || g.text[m.ID] != "TOKEN" {
		t.Errorf("%+v", sent)
	}
}

func TestReceiptsComeInAnyOrder(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	g := newGateway(func(m message.Message) ([]string, error) { <-release; return []string{"abc", "def"}, nil })
	r := open(t, storetest.Open(t), "n1", outbox.Config{}, g)
	m, err := r.Send(t.Context(), sms("+390212345678", "x"))
	if err != nil {
		t.Fatal(err)
	}
	receipt := func(id string, s message.Status, to string) {
		if err := r.Receipt(t.Context(), "test", []string{"zzz", id}, message.Receipt{Status: s, To: to}); err != nil {
			t.Fatal(err)
		}
	}
	receipt("def", message.Delivered, "00390212345678") // before the answer to the submission
	close(release)
	r.wait(m.ID, message.Sent)
	receipt("abc", message.Undelivered, "+4930123456") // somebody else's
	receipt("abc", message.Unknown, "")
	receipt("abc", message.Delivered, "390212345678")
	got := r.wait(m.ID, message.Delivered)
	receipt("abc", message.Failed, "")
	if after, _ := r.store.Outbox.ByID(t.Context(), m.ID); after.Status != message.Delivered || after.Version != got.Version {
		t.Errorf("a late failure took the delivery back: %+v", after)
	}
}

// P9: one number, one prefix, one day.
func TestLimitsHoldBackWhatCostsMoney(t *testing.T) {
	t.Parallel()
	g := newGateway(ok)
	r := open(t, storetest.Open(t), "n1", outbox.Config{PerRecipient: 3, Daily: map[message.Channel]int{message.SMS: 5}, Prefixes: []string{"+39", "+41"}}, g)
	code := func(m message.Message) string {
		_, err := r.Send(t.Context(), m)
		var limit *message.LimitError
		switch {
		case errors.As(err, &limit):
			return limit.Code
		case err != nil:
			return err.Error()
		}
		return ""
	}
	for i := range 100 {
		want := ""
		if i >= 3 {
			want = "recipient"
		}
		if got := code(sms("+390212345678", "x")); got != want {
			t.Fatalf("message %d: %q, want %q", i, got, want)
		}
	}
	if got := code(sms("+8811234567", "x")); got != "prefix" {
		t.Errorf("premium prefix: %q", got)
	}
	code(sms("+41441234567", "x"))
	code(sms("+41441234568", "x"))
	if got := code(sms("+41441234569", "x")); got != "daily" {
		t.Errorf("sixth of the day: %q", got)
	}
	for _, bad := range []string{"", "112", "0212345678", "+39 02 12\r\n34", "ann@example.org"} {
		if got := code(sms(bad, "x")); got != message.ErrRecipient.Error() {
			t.Errorf("%q: %q", bad, got)
		}
	}
	if got := code(message.Message{Account: ann, Channel: message.Email, To: "Bob <b@example.org>"}); got != message.ErrRecipient.Error() {
		t.Errorf("e-mail: %q", got)
	}
	if got := code(message.Message{Account: ann, Channel: message.Email, To: "b@example.org"}); got != "" {
		t.Errorf("e-mail has limits of its own: %q", got)
	}
}

// A node that dies while sending leaves the message to the others, when its lease is over.
func TestALeaseEnds(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	st := storetest.Open(t, func(c *store.Config) { c.Now = clock })
	o, err := outbox.New(outbox.Config{}, outbox.Deps{
		Store: st.Outbox, Senders: map[message.Channel]outbox.Sender{message.SMS: newGateway(ok)}, Node: "dead",
		Ring: seal.NewRing("outbox", seal.Root{1}), Cursors: web.NewCursors(nil), Now: clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := o.Send(t.Context(), sms("+390212345678", "x"))
	if err != nil {
		t.Fatal(err)
	}
	claim := func(node string) int {
		got, err := st.Outbox.Claim(t.Context(), message.SMS, node, time.Minute, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	if claim("dead") != 1 || claim("alive") != 0 {
		t.Fatal("a leased message was given out again")
	}
	mu.Lock()
	now = now.Add(2 * time.Minute)
	mu.Unlock()
	if claim("alive") != 1 {
		t.Fatal("a message is lost with its node")
	}
	if got, _ := st.Outbox.ByID(t.Context(), m.ID); got.Attempts != 2 || got.Lease != "alive" {
		t.Errorf("%+v", got)
	}
}

func TestAMessageWhoseLinkIsRevokedIsNotSent(t *testing.T) {
	t.Parallel()
	g := newGateway(func(message.Message) ([]string, error) {
		return nil, &message.Failure{Reason: "away", Gateway: true, Retry: time.Hour}
	})
	r := open(t, storetest.Open(t), "n1", outbox.Config{}, g, func(d *outbox.Deps) {
		d.Before = func(_ context.Context, m message.Message) error {
			if m.Link == "revoked" {
				return fmt.Errorf("link: %w", account.ErrGone)
			}
			return nil
		}
	})
	m := sms("+390212345678", "x")
	m.Link = "revoked"
	m, err := r.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.wait(m.ID, message.Failed); got.Reason != "it was not sent: "+account.ErrGone.Error() {
		t.Errorf("%+v", got)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.got) != 0 {
		t.Error("it was sent")
	}
}
