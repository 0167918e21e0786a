package hooks_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sipward/internal/apitest"
	"sipward/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const hooks = "/api/v1/webhooks"

// receiver takes deliveries; while it is closed it answers 500.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	closed bool
	got    []received
}

type received struct {
	id, at, signature string
	body              []byte
}

func listen(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{req.Header.Get("Webhook-Id"), req.Header.Get("Webhook-Timestamp"), req.Header.Get("Webhook-Signature"), b})
		if r.closed {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) set(closed bool) { r.mu.Lock(); defer r.mu.Unlock(); r.closed = closed }

func (r *receiver) has(words string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.got {
		if strings.Contains(string(g.body), `"id":"group/`+words) {
			return true
		}
	}
	return false
}

// find waits for a delivery whose body contains the words.
func (r *receiver) find(t *testing.T, words string) received {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); wait(t) {
		r.mu.Lock()
		for _, g := range r.got {
			if strings.Contains(string(g.body), words) {
				r.mu.Unlock()
				return g
			}
		}
		r.mu.Unlock()
	}
	t.Fatalf("nothing with %q came", words)
	return received{}
}

func wait(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(20 * time.Millisecond):
	case <-t.Context().Done():
	}
}

func run(t *testing.T, api *apitest.API) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- api.Hooks.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func signed(t *testing.T, g received, secret string) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	at, err := strconv.ParseInt(g.at, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	want := webhook.Sign(key, g.id, time.Unix(at, 0), g.body)
	for _, s := range strings.Fields(g.signature) {
		if s == want {
			return true
		}
	}
	return false
}

func TestChangesAreToldSignedAndAgain(t *testing.T) {
	t.Parallel()
	api, there := apitest.Open(t), listen(t)
	run(t, api)
	made := api.Do(apitest.Call{Method: "POST", Path: hooks, Body: map[string]any{"url": there.URL, "topics": []string{"account"}}}).Want(201)
	id, secret := made.Get("id"), made.Get("secret")
	api.Do(apitest.Call{Method: "POST", Path: hooks + "/" + id + "/test"}).Want(202)
	if g := there.find(t, "test.changed"); !signed(t, g, secret) || g.id == "" {
		t.Errorf("got %+v", g)
	}
	group := api.Group("Sales")
	account := api.Account(group, "Ann", "501", nil).Get("id")
	g := there.find(t, account)
	if !signed(t, g, secret) || !strings.Contains(string(g.body), `"type":"account.changed"`) || strings.Contains(string(g.body), "Ann") {
		t.Errorf("got %s", g.body)
	}
	if there.has(group) {
		t.Error("a topic that was not asked for")
	}

	turned := api.Do(apitest.Call{Method: "POST", Path: hooks + "/" + id + "/rotate"}).Want(200).Get("secret")
	api.Do(apitest.Call{Method: "POST", Path: "/api/v1/accounts/" + account + "/disable"}).Want(202)
	g = there.find(t, "disabled")
	if turned == secret || !signed(t, g, secret) || !signed(t, g, turned) {
		t.Errorf("not signed with both secrets: %s", g.signature)
	}

	there.set(true)
	api.Do(apitest.Call{Method: "POST", Path: "/api/v1/accounts/" + account + "/enable"}).Want(202)
	var list string
	for end := time.Now().Add(60 * time.Second); !strings.Contains(list, "answered 500") && time.Now().Before(end); wait(t) {
		list = api.Do(apitest.Call{Method: "GET", Path: hooks + "/" + id + "/deliveries"}).Want(200).Body.String()
	}
	if !strings.Contains(list, `"status":"waiting"`) || !strings.Contains(list, `"code":500`) {
		t.Errorf("log %s", list)
	}
	there.set(false)
	items := api.Do(apitest.Call{Method: "GET", Path: hooks + "/" + id + "/deliveries"}).Want(200).JSON()["items"].([]any)
	failed := items[0].(map[string]any)["id"].(string)
	api.Do(apitest.Call{Method: "POST", Path: hooks + "/" + id + "/deliveries/" + failed + "/retry"}).Want(202)
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); wait(t) {
		if list = api.Do(apitest.Call{Method: "GET", Path: hooks + "/" + id + "/deliveries"}).Want(200).Body.String(); !strings.Contains(list, "waiting") {
			break
		}
	}
	if strings.Contains(list, "waiting") || strings.Contains(list, "failed") {
		t.Errorf("after the retry: %s", list)
	}
	if strings.Contains(list+api.Log.String(), secret) {
		t.Error("the secret is shown")
	}
}

func TestAWebhookCannotReachIntoTheHouse(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	for _, url := range []string{"http://example.com", "https://10.0.0.1/", "https://[::ffff:169.254.169.254]/", "https://user@example.com", "ftp://example.com", ""} {
		api.Do(apitest.Call{Method: "POST", Path: hooks, Body: map[string]any{"url": url}}).Refused(400, "invalid")
	}
	made := api.Do(apitest.Call{Method: "POST", Path: hooks, Body: map[string]any{"url": "https://example.com/x"}}).Want(201)
	one := hooks + "/" + made.Get("id")
	api.Do(apitest.Call{Method: "PATCH", Path: one, Body: map[string]any{"url": "https://192.168.0.1"}, Match: "*"}).Refused(400, "invalid")
	api.Do(apitest.Call{Method: "PATCH", Path: one, Body: map[string]any{"topics": []string{"weather"}}, Match: "*"}).Refused(400, "invalid")
	if v := api.Do(apitest.Call{Method: "PATCH", Path: one, Body: map[string]any{"disabled": true}, Match: made.Header().Get("ETag")}).Want(200); v.Get("secret") != "" {
		t.Error("the secret is shown again")
	}
	api.Do(apitest.Call{Method: "DELETE", Path: one, Match: "*"}).Want(204)
	api.Do(apitest.Call{Method: "GET", Path: one}).Refused(404, "not_found")
}

func TestDeliveriesAreGivenUpInTheEnd(t *testing.T) {
	t.Parallel()
	d, now, total := webhook.Delivery{Status: webhook.Waiting}, time.Unix(1000, 0), time.Duration(0)
	for d.Status == webhook.Waiting {
		d.Attempts++
		d = d.Outcome(io.EOF, webhook.ByOther, now)
		total += webhook.Wait(d.Attempts)
	}
	if d.Attempts != 7 || d.Status != webhook.Failed || total < 18*time.Hour || !d.Due.IsZero() || d.Reason != "EOF" {
		t.Errorf("%+v after %v", d, total)
	}
}
