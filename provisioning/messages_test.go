package provisioning_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/location"
	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/store/storetest"
	"sipward/internal/web"
	"sipward/provisioning"
)

// mailbox is a node's API of secure messages towards phones; nothing delivers.
type mailbox struct {
	t       *testing.T
	api     *apitest.API
	handler http.Handler
	told    []account.ID
	logs    *apitest.Lines
}

func openMailbox(t *testing.T, c parcel.Config) *mailbox {
	t.Helper()
	m := &mailbox{t: t, api: apitest.Open(t), logs: &apitest.Lines{}}
	post, err := parcel.NewPost(c, m.api.Store.Parcels, nil, seal.NewRing("messages", seal.Root{1}), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	messenger, err := provisioning.NewMessenger(provisioning.MessageDeps{
		Post: post, Parcels: m.api.Store.Parcels, Numbers: m.api.Store.Accounts, Locations: m.api.Store.Locations,
		Devices: web.NewDevices(m.api.Store.Devices, nil, time.Now), Accepted: func(to account.ID) { m.told = append(m.told, to) },
		Cursors: web.NewCursors(nil), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	m.handler, err = web.New(web.Config{}, web.Deps{
		Tokens: m.api.Store.Tokens, Log: slog.New(slog.NewTextHandler(m.logs, &slog.HandlerOptions{Level: slog.LevelDebug})), Metrics: prometheus.NewRegistry(), Now: time.Now,
	}, messenger.PublicRoutes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// member is an account with its device's token.
type member struct {
	account.Account
	token string
}

func (m *mailbox) member(opts ...storetest.Option) member {
	m.t.Helper()
	opts = append([]storetest.Option{func(a *account.Account) { a.Messaging = true }}, opts...)
	a, _ := storetest.Account(m.t, m.api.Store, opts...)
	token, err := m.api.Store.Devices.Issue(m.t.Context(), a.ID, account.Device{})
	if err != nil {
		m.t.Fatal(err)
	}
	return member{a, token.Reveal()}
}

// do asks as a device and returns the status and the members of the answer.
func (m *mailbox) do(method, path, token string, body any) (int, map[string]any) {
	m.t.Helper()
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			m.t.Fatal(err)
		}
	}
	r := httptest.NewRequestWithContext(m.t.Context(), method, path, bytes.NewReader(b))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	answer := map[string]any{}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		m.t.Fatalf("%s %s: %d %q", method, path, w.Code, w.Body)
	}
	return w.Code, answer
}

func text(to account.Number, id, body string) map[string]any {
	return map[string]any{"to": to, "sender_id": id, "content_type": "text/plain", "body": base64.StdEncoding.EncodeToString([]byte(body))}
}

func TestAMessageIsTakenOnceAndToldToItsSenderAlone(t *testing.T) {
	t.Parallel()
	m := openMailbox(t, parcel.Config{})
	a, b := m.member(), m.member()
	code, first := m.do(http.MethodPost, "/v1/messages", a.token, text(b.Number, "m1", "canary-body"))
	if code != http.StatusAccepted || first["status"] != "ENQUEUED" || first["done_at"] != nil {
		t.Fatalf("%d %v", code, first)
	}
	if _, again := m.do(http.MethodPost, "/v1/messages", a.token, text(b.Number, "m1", "canary-body")); again["id"] != first["id"] {
		t.Errorf("the same id was taken twice: %v and %v", first["id"], again["id"])
	}
	if len(m.told) != 2 || m.told[0] != b.ID {
		t.Errorf("told %v", m.told)
	}
	id, _ := first["id"].(string)
	if code, s := m.do(http.MethodGet, "/v1/messages/"+id, a.token, nil); code != http.StatusOK || s["status"] != "ENQUEUED" || s["sender_id"] != "m1" {
		t.Errorf("%d %v", code, s)
	}
	for _, other := range []string{"00" + strings.Repeat("a", 26), "99" + strings.Repeat("a", 26), "nonsense"} {
		if code, _ := m.do(http.MethodGet, "/v1/messages/"+other, a.token, nil); code != http.StatusNotFound {
			t.Errorf("%s: %d", other, code)
		}
	}
	if code, _ := m.do(http.MethodGet, "/v1/messages/"+id, b.token, nil); code != http.StatusNotFound {
		t.Errorf("somebody else is told: %d", code)
	}
	if _, err := m.api.Store.Parcels.Finish(t.Context(), parcel.ID(id), parcel.Delivered, ""); err != nil {
		t.Fatal(err)
	}
	if _, s := m.do(http.MethodGet, "/v1/messages/"+id, a.token, nil); s["status"] != "DELIVERED" || s["done_at"] == nil {
		t.Errorf("%v", s)
	}
	m.shownToOperators(parcel.ID(id), a)
	if strings.Contains(m.logs.String()+m.api.Log.String(), "canary-body") || strings.Contains(m.logs.String(), base64.StdEncoding.EncodeToString([]byte("canary-body"))) {
		t.Error("a log has what the message says")
	}
}

// shownToOperators looks into the operators' log and the export.
func (m *mailbox) shownToOperators(id parcel.ID, from member) {
	m.t.Helper()
	p, err := m.api.Store.Parcels.ByID(m.t.Context(), id)
	if err == nil {
		err = m.api.Store.Parcels.Settle(m.t.Context(), p)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	for query, want := range map[string]int{"": 1, "?status=DELIVERED": 1, "?status=EXPIRED": 0, "?account_id=" + string(from.ID): 1, "?from=2001-01-01T00:00:00Z&until=2001-01-02T00:00:00Z": 0} {
		page := m.api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/messages" + query}).Want(http.StatusOK)
		if items, _ := page.JSON()["items"].([]any); len(items) != want {
			m.t.Errorf("%s: %d lines, want %d: %s", query, len(items), want, page.Body)
		}
	}
	m.api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/messages?status=LOST"}).Refused(http.StatusBadRequest, "invalid")
	export := m.api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/store/export"}).Want(http.StatusOK).Body.String()
	if !strings.Contains(export, string(from.ID)) {
		m.t.Fatalf("the export lacks the account: %s", export)
	}
	if strings.Contains(export, "canary-body") || strings.Contains(export, base64.StdEncoding.EncodeToString([]byte("canary-body"))) || strings.Contains(export, string(id)) {
		m.t.Error("an export has a message")
	}
}

func TestMessagesThatAreNotTaken(t *testing.T) {
	t.Parallel()
	m := openMailbox(t, parcel.Config{Waiting: 2, PerMinute: 50})
	a, b := m.member(), m.member()
	silent := m.member(func(a *account.Account) { a.Messaging = false })
	off, revoked, full := m.member(storetest.Disabled()), m.member(), m.member()
	m.revoked(revoked)
	for i := range 2 {
		if code, p := m.do(http.MethodPost, "/v1/messages", a.token, text(full.Number, string(rune('a'+i)), "x")); code != http.StatusAccepted {
			t.Fatalf("%d %v", code, p)
		}
	}
	without := func(name string, value any) map[string]any {
		body := text(b.Number, "x", "x")
		body[name] = value
		return body
	}
	for what, c := range map[string]struct {
		token string
		body  map[string]any
		code  int
		want  string
	}{
		"no token":                {"", text(b.Number, "x", "x"), 401, "unauthorised"},
		"an unknown number":       {a.token, text("+999999999", "x", "x"), 404, "invalid_recipient"},
		"no number":               {a.token, text("bob", "x", "x"), 404, "invalid_recipient"},
		"a disabled recipient":    {a.token, text(off.Number, "x", "x"), 404, "invalid_recipient"},
		"a disabled sender":       {off.token, text(b.Number, "x", "x"), 403, "account_state"},
		"a recipient without":     {a.token, text(silent.Number, "x", "x"), 409, "no_messaging"},
		"a sender without":        {silent.token, text(b.Number, "x", "x"), 403, "messaging_off"},
		"revoked keys":            {a.token, text(revoked.Number, "x", "x"), 409, "keys_revoked"},
		"an empty body":           {a.token, text(b.Number, "x", ""), 400, "empty"},
		"601 bytes":               {a.token, text(b.Number, "x", strings.Repeat("x", 601)), 413, "too_large"},
		"a type that is none":     {a.token, without("content_type", "text"), 400, "invalid_type"},
		"a type with a line feed": {a.token, without("content_type", "text/plain; a=\"b\r\nEvil: yes\""), 400, "invalid_type"},
		"an id with a line feed":  {a.token, without("sender_id", "a\r\nEvil: yes"), 400, "invalid_id"},
		"a body that is no text":  {a.token, without("body", "%%%"), 400, "invalid"},
		"a time that is over":     {a.token, without("expires_in", 0), 400, "invalid"},
		"another member":          {a.token, without("from", "+391"), 400, "invalid"},
		"a full box":              {a.token, text(full.Number, "c", "x"), 409, "mailbox_full"},
	} {
		code, answer := m.do(http.MethodPost, "/v1/messages", c.token, c.body)
		if code != c.code || answer["code"] != c.want {
			t.Errorf("%s: %d %v, want %d %s", what, code, answer, c.code, c.want)
		}
	}
	for range 150 { // beyond fifty, also when a minute ends meanwhile
		if code, _ := m.do(http.MethodPost, "/v1/messages", b.token, text(a.Number, "same", "x")); code == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("no quota stopped a sender")
}

// One sender does not fill the box of another account.
func TestASenderHasItsShareOfABox(t *testing.T) {
	t.Parallel()
	m := openMailbox(t, parcel.Config{Waiting: 10, Share: 3})
	a, b, c := m.member(), m.member(), m.member()
	for i := range 4 {
		code, p := m.do(http.MethodPost, "/v1/messages", a.token, text(b.Number, string(rune('a'+i)), "x"))
		if want := map[bool]int{true: http.StatusAccepted, false: http.StatusConflict}[i < 3]; code != want {
			t.Errorf("message %d: %d %v, want %d", i+1, code, p, want)
		}
	}
	if code, p := m.do(http.MethodPost, "/v1/messages", c.token, text(b.Number, "a", "x")); code != http.StatusAccepted {
		t.Errorf("somebody else: %d %v", code, p)
	}
}

func (m *mailbox) revoked(x member) {
	m.t.Helper()
	keys := m.api.Store.MessageKeys
	if err := keys.Grant(m.t.Context(), x.ID); err != nil {
		m.t.Fatal(err)
	}
	if _, err := keys.Put(m.t.Context(), x.ID, "d", "aa", []byte("c")); err != nil {
		m.t.Fatal(err)
	}
	if _, err := keys.Revoke(m.t.Context(), x.ID); err != nil {
		m.t.Fatal(err)
	}
}

func TestPresenceTellsWhoIsKnownAndHere(t *testing.T) {
	t.Parallel()
	m := openMailbox(t, parcel.Config{})
	a, here, away, off := m.member(), m.member(), m.member(), m.member(storetest.Disabled())
	_, err := m.api.Store.Locations.Update(t.Context(), here.ID, func(_ account.Account, s location.Set) (location.Set, error) {
		s.Account, s.Bindings = here.ID, []location.Binding{{Contact: "<sip:x@192.0.2.1>", URI: "sip:x@192.0.2.1", CallID: "c", CSeq: 1, Expires: time.Now().Add(time.Hour),
			Received: netip.MustParseAddrPort("192.0.2.1:5061"), Network: "tls", Node: "n", Flow: "f"}}
		return s, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	code, got := m.do(http.MethodPost, "/v1/presence", a.token, map[string]any{"numbers": []any{here.Number, away.Number, off.Number, "+999999999", "nobody"}})
	want := []string{"true true", "true false", "false false", "false false", "false false"}
	items, _ := got["items"].([]any)
	if code != http.StatusOK || len(items) != len(want) {
		t.Fatalf("%d %v", code, got)
	}
	for i, v := range items {
		p, _ := v.(map[string]any)
		if s := boolText(p["known"]) + " " + boolText(p["online"]); s != want[i] {
			t.Errorf("%v: %s, want %s", p["number"], s, want[i])
		}
	}
	if code, _ := m.do(http.MethodPost, "/v1/presence", off.token, map[string]any{"numbers": []any{here.Number}}); code != http.StatusForbidden {
		t.Errorf("a disabled account asks: %d", code)
	}
	many := make([]any, 200)
	for i := range many {
		many[i] = "+391"
	}
	for range 12 {
		if code, _ := m.do(http.MethodPost, "/v1/presence", a.token, map[string]any{"numbers": many}); code == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("nothing stops an account from asking about everybody")
}

func boolText(v any) string {
	if b, ok := v.(bool); ok && b {
		return "true"
	}
	return "false"
}
