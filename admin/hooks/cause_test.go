package hooks_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sipward/internal/apitest"
	"sipward/internal/webhook"
)

// What an attempt failed of is a word that clients can turn into its mend.
func TestADeliveryNamesItsCause(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	run(t, api)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(refusing.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client has gone
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	for url, want := range map[string]string{
		refusing.URL: "answer", closed.URL: "connection", untrusted.URL: "certificate", slow.URL: "timeout", "https://nobody.invalid/": "name", "https://10.0.0.1/": "address",
	} {
		made := api.Do(apitest.Call{Method: "POST", Path: hooks, Body: map[string]any{"url": "https://example.com", "description": want, "topics": []string{"licence"}}}).Want(201)
		if made.Get("description") != want {
			t.Errorf("described as %q", made.Get("description"))
		}
		// Into the store itself: the network was allowed, or the name led elsewhere, when it was made.
		if _, err := api.Store.Webhooks.Update(t.Context(), made.Get("id"), func(h *webhook.Hook) error { h.URL = url; return nil }); err != nil {
			t.Fatal(err)
		}
		one := hooks + "/" + made.Get("id")
		api.Do(apitest.Call{Method: "POST", Path: one + "/test"}).Want(202)
		var log string
		for end := time.Now().Add(60 * time.Second); !strings.Contains(log, `"attempts":1`) && time.Now().Before(end); wait(t) {
			log = api.Do(apitest.Call{Method: "GET", Path: one + "/deliveries"}).Want(200).Body.String()
		}
		if !strings.Contains(log, `"cause":"`+want+`"`) || strings.Contains(log, "Post ") {
			t.Errorf("%s: %s", url, log)
		}
	}
	api.Do(apitest.Call{Method: "POST", Path: hooks, Body: map[string]any{"url": "https://example.com", "description": strings.Repeat("é", 101)}}).Refused(400, "invalid")
}
