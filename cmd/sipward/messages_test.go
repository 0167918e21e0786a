package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apiclient"
	"sipward/internal/parcel"
	"sipward/internal/store/kv"
	"sipward/sip/messaging"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// device is a phone's app: an account and its device token towards one node.
type device struct {
	line
	s      *server
	client *http.Client
	token  string

	document *document
}

// messenger makes an account with messaging, whose number begins as told.
func (s *server) messenger(group, number string) (l line) {
	s.t.Helper()
	on, tried := true, 0
	s.taken(func(ctx context.Context) (err error) {
		l.Account, err = s.api.CreateAccount(ctx, apiclient.NewAccount{
			Way: "plain", Type: "PGSM", GroupID: group, Owner: "Owner of " + number, Number: fmt.Sprintf("%s%02d", number, tried), Messaging: &on,
		})
		tried++
		return err
	})
	return l
}

// device lets the app of an account in.
func (s *server) device(l line) *device {
	s.t.Helper()
	token, err := s.n.store.Devices.Issue(s.t.Context(), account.ID(l.ID), account.Device{})
	for i := 0; i < retries && errors.Is(err, kv.ErrUnavailable); i++ {
		token, err = s.n.store.Devices.Issue(s.t.Context(), account.ID(l.ID), account.Device{})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.trust()}}
	s.t.Cleanup(client.CloseIdleConnections)
	return &device{l, s, client, token.Reveal(), deviceDocument(s.t)}
}

// at is the same app towards another node.
func (d *device) at(s *server) *device {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.trust()}}
	s.t.Cleanup(client.CloseIdleConnections)
	return &device{d.line, s, client, d.token, d.document}
}

// do asks the device API, again when the store had no time.
func (d *device) do(method, path string, body any) (code int, answer map[string]any) {
	d.s.t.Helper()
	for range retries {
		if code, answer = d.once(method, path, body); code != http.StatusServiceUnavailable {
			break
		}
	}
	return code, answer
}

func (d *device) once(method, path string, body any) (int, map[string]any) {
	d.s.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		d.s.t.Fatal(err)
	}
	if body == nil {
		b = nil
	}
	r, err := http.NewRequestWithContext(d.s.t.Context(), method, d.s.public+path, bytes.NewReader(b))
	if err != nil {
		d.s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+d.token)
	w, err := d.client.Do(r)
	if err != nil {
		d.s.t.Fatal(err)
	}
	defer w.Body.Close()
	raw, err := io.ReadAll(w.Body)
	if err != nil {
		d.s.t.Fatal(err)
	}
	d.document.hold(d.s.t, method, path, w, raw)
	answer := map[string]any{}
	if w.StatusCode != http.StatusNoContent {
		if err := json.Unmarshal(raw, &answer); err != nil {
			d.s.t.Fatalf("%s %s: %d, %v", method, path, w.StatusCode, err)
		}
	}
	return w.StatusCode, answer
}

// send hands a message in and returns its id.
func (d *device) send(to, text string) string {
	d.s.t.Helper()
	code, m := d.do(http.MethodPost, "/v1/messages", map[string]any{
		"to": to, "sender_id": string(account.NewID()), "content_type": "application/octet-stream", "body": base64.StdEncoding.EncodeToString([]byte(text)),
	})
	id, _ := m["id"].(string)
	if code != http.StatusAccepted || id == "" {
		d.s.t.Fatalf("send: %d %v", code, m)
	}
	return id
}

func (d *device) status(id string) string {
	_, m := d.do(http.MethodGet, "/v1/messages/"+id, nil)
	s, _ := m["status"].(string)
	return s
}

func received(t *testing.T, p *phone.Phone) phone.Message {
	t.Helper()
	m, err := p.Inbox(siptest.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Messages handed in at one node reach a phone of another: what waited, in order, when it registers there, and what comes
// then at once. The report finds its way back to the first.
func TestSecureMessagesBetweenNodes(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2, func(c *Config) { c.HTTP.Public = "127.0.0.1:0" })
	one, two := nodes[0], nodes[1]
	group := one.group()
	a, b := one.messenger(group, "6001"), one.messenger(group, "6002")
	ann := one.device(a)
	var ids []string
	for i := range 5 {
		ids = append(ids, ann.send(b.Number, fmt.Sprintf("early %d", i)))
	}
	bob := two.phone(b, muted)
	for i := range ids {
		if m := received(t, bob); string(m.Body) != fmt.Sprintf("early %d", i) || phone.Header(m.Request, messaging.MessageID) != ids[i] {
			t.Errorf("message %d: %q", i, m.Body)
		}
	}
	ids = append(ids, ann.send(b.Number, "late"))
	if m := received(t, bob); string(m.Body) != "late" || m.Kind != "application/octet-stream" || m.From != "sip:"+a.Number+"@"+realm {
		t.Errorf("%q %s from %s", m.Body, m.Kind, m.From)
	}
	for _, id := range ids {
		eventually(t, id+" is delivered", time.Minute, func() bool { return ann.status(id) == "DELIVERED" })
		if other := two.device(b); other.status(id) != "" {
			t.Error("somebody else is told the status")
		}
	}
	alice := one.phone(a, muted)
	for range ids {
		if m := received(t, alice); m.Kind != parcel.ReportType || !strings.Contains(string(m.Body), `"DELIVERED"`) {
			t.Errorf("report: %s %s", m.Kind, m.Body)
		}
	}
	_, presence := ann.do(http.MethodPost, "/v1/presence", map[string]any{"numbers": []string{b.Number}})
	if s := fmt.Sprint(presence["items"]); !strings.Contains(s, "known:true") || !strings.Contains(s, "online:true") {
		t.Errorf("presence: %s", s)
	}
	if len(bob.Ladder().Entries()) == 0 || countMessages(bob) != len(ids) {
		t.Errorf("%d messages came, want %d", countMessages(bob), len(ids))
	}
}

func countMessages(p *phone.Phone) (n int) {
	for _, e := range p.Ladder().Entries() {
		if !e.Out && strings.HasPrefix(e.First(), "MESSAGE ") {
			n++
		}
	}
	return n
}

// correspondence is what a sender was promised and what the recipient's phone has shown, across the lives of the server.
type correspondence struct {
	next  int            // the number of the message under way
	shown map[string]int // by id of the server's: the number it said; a repetition is not shown again
	seen  int            // deliveries, repetitions included
}

// send sends one after the other until ctx ends or all below a number are accepted; one whose answer did not come is sent
// again under the same id.
func (c *correspondence) send(ctx context.Context, p *phone.Phone, to string, until int) {
	for ctx.Err() == nil && c.next < until {
		one, cancel := context.WithTimeout(ctx, 5*time.Second)
		res, err := p.Request(one, "MESSAGE", to, "text/plain", fmt.Append(nil, c.next), fmt.Sprintf("%s: n%d", messaging.SenderID, c.next))
		cancel()
		if err == nil && res.StatusCode == http.StatusAccepted {
			c.next++
		}
	}
}

// read takes in what comes until ctx ends.
func (c *correspondence) read(ctx context.Context, t *testing.T, p *phone.Phone) {
	for {
		m, err := p.Inbox(ctx)
		if err != nil {
			return
		}
		c.seen++
		var n int
		if _, err := fmt.Sscan(string(m.Body), &n); err != nil {
			t.Errorf("a message says %q", m.Body)
		}
		id := phone.Header(m.Request, messaging.MessageID)
		if was, ok := c.shown[id]; ok && was != n {
			t.Errorf("id %s says %d and %d", id, was, n)
		}
		c.shown[id] = n
	}
}

// check counts: every number that was promised is shown, and none twice under two ids.
func (c *correspondence) check(t *testing.T) (missing int) {
	t.Helper()
	times := map[int]int{}
	for _, n := range c.shown {
		times[n]++
	}
	for n := range c.next {
		if times[n] == 0 {
			missing++
		}
		if times[n] > 1 {
			t.Errorf("message %d has %d ids: the phone shows it twice", n, times[n])
		}
	}
	return missing
}
