package sip_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
	"sipward/sip"
	"sipward/sip/messaging"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// clock is a time that only the test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

// looks counts how often the courier has asked what is due.
type looks struct {
	messaging.Store
	n atomic.Int64
}

func (l *looks) Due(ctx context.Context, at time.Time) ([]account.ID, error) {
	defer l.n.Add(1)
	return l.Store.Due(ctx, at)
}

// pass waits until the courier has looked a few times more: whatever is due now has been begun.
func (l *looks) pass(t testing.TB) {
	t.Helper()
	until := l.n.Load() + 3
	eventually(t, "the courier looks", func() bool { return l.n.Load() >= until })
}

// mailed is a node that keeps messages, on the test's clock.
type mailed struct {
	*rig
	clock *clock
	looks *looks
}

func postOffice(t testing.TB) *mailed {
	t.Helper()
	k := newClock()
	s := storetest.Open(t, func(c *store.Config) { c.Node, c.Fsync, c.Now = "n1", "interval", k.now })
	return reopened(t, s, k)
}

// reopened is a node on a store that was used before.
func reopened(t testing.TB, s *store.Store, k *clock) *mailed {
	t.Helper()
	m := &mailed{clock: k, looks: &looks{Store: s.Parcels}}
	post, err := parcel.NewPost(parcel.Config{PerMinute: 1000}, s.Parcels, nil, seal.NewRing("messages", seal.Root{4}), k.now)
	must(t, err)
	m.rig = serveOn(t, s, func(c *sip.Config, d *sip.Deps) {
		c.Messaging = messaging.Config{Look: 5 * time.Millisecond, Answer: 5 * time.Second}
		d.Parcels, d.Post, d.Now = m.looks, post, k.now
	})
	return m
}

func withMessages(a *account.Account) { a.Messaging = true }

// send sends a message over SIP and returns its id.
func send(t testing.TB, p *phone.Phone, to *line, body string, fields ...string) parcel.ID {
	t.Helper()
	res, err := p.Request(siptest.Within(t), "MESSAGE", string(to.Number), "application/vnd.test", []byte(body), fields...)
	must(t, err)
	if res.StatusCode != 202 {
		t.Fatalf("MESSAGE: %d %s, want 202", res.StatusCode, res.Reason)
	}
	return parcel.ID(phone.Header(res, messaging.MessageID))
}

// inbox waits for the next message of a phone.
func inbox(t testing.TB, p *phone.Phone) phone.Message {
	t.Helper()
	m, err := p.Inbox(siptest.Within(t))
	must(t, err)
	return m
}

// status waits until a message has one.
func (m *mailed) status(t testing.TB, id parcel.ID, want parcel.Status) {
	t.Helper()
	var got parcel.Parcel
	eventually(t, fmt.Sprintf("message %s is %s", id, want), func() bool {
		var err error
		got, err = m.store.Parcels.ByID(t.Context(), id)
		return err == nil && got.Status == want
	})
}

// reported reads a report from a sender's inbox.
func reported(t testing.TB, p *phone.Phone, id parcel.ID, want parcel.Status) {
	t.Helper()
	m := inbox(t, p)
	var r struct {
		ID     parcel.ID     `json:"id"`
		Status parcel.Status `json:"status"`
	}
	must(t, json.Unmarshal(m.Body, &r))
	if m.Kind != parcel.ReportType || r.ID != id || r.Status != want {
		t.Errorf("report %s %+v, want %s %s", m.Kind, r, id, want)
	}
}

func TestAMessageWaitsForItsPhone(t *testing.T) {
	t.Parallel()
	m := postOffice(t)
	a, b := m.line(t, "2001", withMessages), m.line(t, "2002", withMessages)
	alice := a.registered(t)
	id := send(t, alice, b, "\x00opaque\xff", messaging.SenderID+": mine-1")
	m.status(t, id, parcel.Enqueued)
	bob := b.registered(t)
	got := inbox(t, bob)
	if string(got.Body) != "\x00opaque\xff" || got.Kind != "application/vnd.test" || got.From != "sip:2001@"+domain {
		t.Errorf("got %q %s from %s", got.Body, got.Kind, got.From)
	}
	for name, want := range map[string]string{messaging.MessageID: string(id), messaging.SenderID: "mine-1", "P-Asserted-Identity": "<sip:2001@" + domain + ">"} {
		if v := phone.Header(got.Request, name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	m.status(t, id, parcel.Delivered)
	reported(t, alice, id, parcel.Delivered)
	eventually(t, "the log has it", func() bool {
		page, err := m.store.Parcels.List(t.Context(), parcel.Filter{Account: a.ID}, "", 10)
		return err == nil && len(page.Items) == 1 && page.Items[0].Status == parcel.Delivered
	})
	if _, err := m.store.Parcels.Body(t.Context(), id); err == nil {
		t.Error("the body is kept after the delivery")
	}
	if strings.Contains(m.log.String(), "opaque") {
		t.Error("the node's log has the content of a message")
	}
}

// Fifty messages of two senders, some while the phone is away and some while it comes: all arrive once, each sender's in
// order.
func TestMessagesArriveInOrderAndOnce(t *testing.T) {
	t.Parallel()
	m := postOffice(t)
	a, c, b := m.line(t, "2001", withMessages), m.line(t, "2003", withMessages), m.line(t, "2002", withMessages)
	alice, carol := a.registered(t), c.registered(t)
	var sending sync.WaitGroup
	const each = 25
	for name, p := range map[string]*phone.Phone{"a": alice, "c": carol} {
		sending.Go(func() {
			for i := range each {
				if err := p.Message(siptest.Within(t), "2002", "text/plain", fmt.Appendf(nil, "%s%02d", name, i)); err != nil {
					t.Errorf("%s%02d: %v", name, i, err)
				}
			}
		})
	}
	bob := b.registered(t)
	next, ids := map[byte]int{}, map[string]bool{}
	for range 2 * each {
		got := inbox(t, bob)
		from := got.Body[0]
		if want := fmt.Sprintf("%c%02d", from, next[from]); string(got.Body) != want {
			t.Errorf("got %q, want %q", got.Body, want)
		}
		next[from]++
		ids[phone.Header(got.Request, messaging.MessageID)] = true
	}
	sending.Wait()
	if len(ids) != 2*each {
		t.Errorf("%d ids, want %d", len(ids), 2*each)
	}
}

// The schedule of package messaging on an injected clock: five tries 30 s apart while online, then at the next
// registration, and 72 hours in all.
func TestTheScheduleOfDeliveries(t *testing.T) {
	t.Parallel()
	m := postOffice(t)
	a, b := m.line(t, "2001", withMessages), m.line(t, "2002", withMessages)
	alice := a.registered(t)
	var tries atomic.Int64
	var busy atomic.Bool
	busy.Store(true)
	bob := b.registered(t, func(c *phone.Config) {
		c.OnRequest = func(r *gosip.Request) *phone.Reply {
			if r.Method != gosip.MESSAGE {
				return nil
			}
			tries.Add(1)
			if busy.Load() {
				return &phone.Reply{Code: 486}
			}
			return nil
		}
	})
	id := send(t, alice, b, "one")
	tried := func(want int64) {
		t.Helper()
		eventually(t, fmt.Sprintf("try %d", want), func() bool { return tries.Load() >= want })
		m.looks.pass(t)
		if got := tries.Load(); got != want {
			t.Fatalf("%d tries, want %d", got, want)
		}
	}
	// over waits until the round of a try has ended: it is due again later than its lease.
	over := func() {
		t.Helper()
		eventually(t, "the round ends", func() bool {
			due, err := m.store.Parcels.Due(t.Context(), m.clock.now().Add(parcel.Pause-time.Second))
			return err == nil && len(due) == 0
		})
	}
	tried(1)
	over()
	for n := int64(2); n <= parcel.Tries; n++ {
		m.clock.pass(parcel.Pause - time.Second)
		tried(n - 1)
		m.clock.pass(time.Second)
		tried(n)
		over()
	}
	m.clock.pass(5 * time.Minute)
	tried(parcel.Tries)
	must(t, bob.Register(siptest.Within(t)))
	tried(parcel.Tries + 1)
	over()
	busy.Store(false)
	m.clock.pass(parcel.Pause)
	tried(parcel.Tries + 2)
	if got := inbox(t, bob); string(got.Body) != "one" {
		t.Errorf("got %q", got.Body)
	}
	m.status(t, id, parcel.Delivered)
	reported(t, alice, id, parcel.Delivered)

	bob.Close()
	eventually(t, "the phone's binding is gone", func() bool {
		_, set, err := m.store.Locations.Lookup(t.Context(), b.ID)
		return err == nil && len(set.Live(m.clock.now())) == 0
	})
	late := send(t, alice, b, "two")
	m.clock.pass(72*time.Hour - time.Second)
	m.looks.pass(t)
	m.status(t, late, parcel.Enqueued)
	m.clock.pass(time.Second)
	m.status(t, late, parcel.Expired)
	must(t, alice.Register(siptest.Within(t)))
	reported(t, alice, late, parcel.Expired)
	again := b.registered(t)
	m.looks.pass(t)
	if n := received(again, "MESSAGE"); n != 0 {
		t.Errorf("%d messages came after their time", n)
	}
}

// A restart forgets nothing: neither a message nor how often it was tried.
func TestMessagesSurviveARestart(t *testing.T) {
	t.Parallel()
	m := postOffice(t)
	a, b := m.line(t, "2001", withMessages), m.line(t, "2002", withMessages)
	alice := a.registered(t)
	first, second := send(t, alice, b, "one"), send(t, alice, b, "two")
	m.stop()
	m.node.Wait()
	n := reopened(t, m.store, m.clock)
	b.r = n.rig
	bob := b.registered(t)
	for _, want := range []string{"one", "two"} {
		if got := inbox(t, bob); string(got.Body) != want {
			t.Errorf("got %q, want %q", got.Body, want)
		}
	}
	n.status(t, first, parcel.Delivered)
	n.status(t, second, parcel.Delivered)
}

// What a state, a key or a phone makes of a message.
func TestMessagesThatAreRefused(t *testing.T) {
	t.Parallel()
	m := postOffice(t)
	a, b := m.line(t, "2001", withMessages), m.line(t, "2002", withMessages)
	plain := m.line(t, "2003")
	alice := a.registered(t)
	request := func(want int, to, kind, body string) {
		t.Helper()
		res, err := alice.Request(siptest.Within(t), "MESSAGE", to, kind, []byte(body))
		must(t, err)
		if res.StatusCode != want {
			t.Errorf("MESSAGE to %s of %d bytes %s: %d %s, want %d", to, len(body), kind, res.StatusCode, res.Reason, want)
		}
	}
	request(404, "2999", "text/plain", "x")
	request(480, "2003", "text/plain", "x") // without messaging it goes to a phone or nowhere
	request(413, "2002", "text/plain", strings.Repeat("x", 601))
	request(202, "2002", "text/plain", strings.Repeat("x", 600))
	request(400, "2002", "text/plain", "")
	request(400, "2002", "nonsense", "x")
	waiting := send(t, alice, b, "for the old key")
	_, err := m.store.MessageKeys.Revoke(t.Context(), b.ID)
	must(t, err)
	request(202, "2002", "text/plain", "there was no key to revoke")
	key(t, m.store, b.ID, "aa")
	withKey := send(t, alice, b, "for the key")
	_, err = m.store.MessageKeys.Revoke(t.Context(), b.ID)
	must(t, err)
	request(403, "2002", "text/plain", "x")
	m.status(t, withKey, parcel.InvalidDevice)
	m.status(t, waiting, parcel.InvalidDevice)
	key(t, m.store, b.ID, "bb")
	request(202, "2002", "text/plain", "x")
	b.disable(t)
	request(480, "2002", "text/plain", "x")
	plain.update(t, func(a *account.Account) { a.Messaging = true })
	gone := send(t, alice, plain, "x")
	must(t, m.store.Accounts.Delete(t.Context(), plain.ID, 0))
	m.status(t, gone, parcel.InvalidRecipient)
}

// key gives an account a key.
func key(t testing.TB, s *store.Store, id account.ID, fingerprint string) {
	t.Helper()
	must(t, s.MessageKeys.Grant(t.Context(), id))
	_, err := s.MessageKeys.Put(t.Context(), id, "d", fingerprint, []byte("certificate"))
	must(t, err)
}

// A disabled recipient's messages wait; those that a phone cannot take are ended by its answer.
func TestWhatHoldsAndEndsMessages(t *testing.T) {
	t.Parallel()
	m := postOffice(t)
	a, b := m.line(t, "2001", withMessages), m.line(t, "2002", withMessages)
	alice := a.registered(t)
	var code atomic.Int64
	answering := func(c *phone.Config) {
		c.OnRequest = func(r *gosip.Request) *phone.Reply {
			if n := code.Load(); r.Method == gosip.MESSAGE && n != 0 {
				return &phone.Reply{Code: int(n)}
			}
			return nil
		}
	}
	bob := b.registered(t, answering)
	for answer, want := range map[int64]parcel.Status{415: parcel.InvalidDevice, 405: parcel.InvalidDevice, 413: parcel.InvalidPayload} {
		code.Store(answer)
		m.status(t, send(t, alice, b, "x"), want)
	}
	code.Store(0)
	b.disable(t)
	eventually(t, "the node knows of it", func() bool { return m.Out(b.ID) })
	post, err := parcel.NewPost(parcel.Config{}, m.store.Parcels, nil, seal.NewRing("messages", seal.Root{4}), m.clock.now)
	must(t, err)
	held, err := post.Accept(t.Context(), parcel.Order{From: a.Account, To: b.Account, Dialled: "2002", SenderID: "late", Type: "text/plain", Body: []byte("x")})
	if err == nil {
		t.Fatalf("accepted for a disabled account: %s", held.ID)
	}
	b.enable(t)
	a.disable(t) // what a disabled account sent before does not go out either
	eventually(t, "the node knows of it", func() bool { return m.Out(a.ID) })
	id := m.store.Parcels.NewID(b.ID)
	_, err = m.store.Parcels.Add(t.Context(), parcel.Parcel{ID: id, From: a.ID, To: b.ID, ToNumber: "2002", SenderID: "s", Type: "text/plain", Status: parcel.Enqueued,
		Accepted: m.clock.now().UTC(), Expires: m.clock.now().Add(time.Hour).UTC()}, seal.Box("does not open"), parcel.Room{Waiting: 10, Share: 10}, parcel.ToRecipient)
	must(t, err)
	m.looks.pass(t)
	m.status(t, id, parcel.Enqueued)
	a.enable(t)
	m.clock.pass(time.Minute)
	m.status(t, id, parcel.InvalidPayload) // and a body that does not open is told, not sent
	if n := received(bob, "MESSAGE"); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}
