package sms_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/web"
	"sipward/provisioning/sms"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// asked is what a gateway was sent.
type asked struct {
	method, path string
	query, form  url.Values
	body         string
	user, pass   string
	header       http.Header
}

func gateway(t *testing.T, status int, answer string, header http.Header) (string, chan asked) {
	t.Helper()
	seen := make(chan asked, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		a := asked{method: r.Method, path: r.URL.Path, query: r.URL.Query(), body: string(b), header: r.Header}
		a.form, _ = url.ParseQuery(string(b))
		a.user, a.pass, _ = r.BasicAuth()
		seen <- a
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, seen
}

func build(t *testing.T, c sms.Config) *sms.HTTP {
	t.Helper()
	h, err := sms.NewHTTP(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const nasty = "Ciao & benvenuto: https://x/a/t?k=1#%41 \"e\"\\\n+1=2 è"

func msg() message.Message {
	return message.Message{ID: "aaaaaaaaaaaaaaaaaaaaaaaaaa", To: "+390212345678", Content: message.Content{Text: nasty}}
}

func TestThePresetsSayWhatTheirGatewaysExpect(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"twilio": `{"sid":"SM1","status":"queued"}`, "46elks": `{"id":"SM1","status":"created"}`,
		"vonage": `{"message-count":"1","messages":[{"status":"0","message-id":"SM1"}]}`, "kannel": "0: Accepted for delivery",
	} {
		where, seen := gateway(t, http.StatusAccepted, answer, nil)
		p := sms.Presets()[name]
		host := strings.Index(p.URL, "//") + 2
		p.URL = where + p.URL[host+strings.Index(p.URL[host:], "/"):]
		h := build(t, sms.Config{Template: p, User: "AC 1&", Password: account.Secret("p&w"), From: "PGSM+", Callback: "https://sip.example/sms/receipts/s?", Private: true})
		ids, err := h.Send(t.Context(), msg())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a := <-seen
		values := a.form
		if a.method == http.MethodGet {
			values = a.query
		}
		text, to := map[string]string{"twilio": "Body", "46elks": "message"}[name], "+390212345678"
		if text == "" {
			text = "text"
		}
		if name == "vonage" {
			to = "390212345678"
		}
		if got := values.Get(text); got != nasty {
			t.Errorf("%s: text %q", name, got)
		}
		if got := values.Get("to") + values.Get("To"); got != to {
			t.Errorf("%s: to %q", name, got)
		}
		want := "SM1"
		if name == "kannel" {
			want = string(msg().ID)
			if got := values.Get("dlr-url"); got != "https://sip.example/sms/receipts/s??id="+want+"&status=%d" {
				t.Errorf("kannel's receipts go to %q", got)
			}
			if values.Get("coding") != "2" || values.Get("username") != "AC 1&" {
				t.Errorf("kannel: %v", values)
			}
		}
		if len(ids) != 1 || ids[0] != want {
			t.Errorf("%s: ids %v", name, ids)
		}
		if p.Basic && (a.user != "AC 1&" || a.pass != "p&w") {
			t.Errorf("%s: basic %q %q", name, a.user, a.pass)
		}
	}
}

func TestAJSONGatewayGetsValidJSON(t *testing.T) {
	t.Parallel()
	where, seen := gateway(t, http.StatusOK, `{}`, nil)
	h := build(t, sms.Config{Private: true, Password: account.Secret("k\r\nX-Evil: 1"), Template: sms.Template{
		URL: where + "/send/{{.To}}", Body: `{"to":"{{.To}}","text":"{{.Text}}"}`,
		Headers: map[string]string{"Content-Type": "application/json", "X-Key": "{{.Password}}"},
	}})
	if _, err := h.Send(t.Context(), msg()); err != nil {
		t.Fatal(err)
	}
	a := <-seen
	var m map[string]string
	if err := json.Unmarshal([]byte(a.body), &m); err != nil || m["text"] != nasty || a.path != "/send/+390212345678" {
		t.Errorf("%v %q %s", err, a.body, a.path)
	}
	if a.header.Get("X-Evil") != "" {
		t.Error("a header was smuggled in")
	}
}

func TestAnswersAreSorted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		answer string
		header http.Header
		want   message.Failure
	}{
		{429, "", http.Header{"Retry-After": {"7"}}, message.Failure{Gateway: true, Retry: 7 * time.Second}},
		{503, "", nil, message.Failure{Gateway: true}}, {302, "", http.Header{"Location": {"http://169.254.169.254/"}}, message.Failure{Gateway: true}},
		{401, "", nil, message.Failure{Gateway: true}},
		{400, `{"error":"number is not mobile"}`, nil, message.Failure{Permanent: true, Status: message.Rejected}},
		{200, `{"ok":"no","error":"barred"}`, nil, message.Failure{Permanent: true, Status: message.Rejected}},
		{200, `{"ok":"slow"}`, nil, message.Failure{Gateway: true}},
	} {
		where, _ := gateway(t, c.status, c.answer, c.header)
		h := build(t, sms.Config{Private: true, Template: sms.Template{URL: where + "/", Body: "{{.Text}}", OK: "ok", OKIs: "yes", Slow: "slow", Reason: "error"}})
		_, err := h.Send(t.Context(), msg())
		var f *message.Failure
		if !errors.As(err, &f) || f.Gateway != c.want.Gateway || f.Permanent != c.want.Permanent || f.Retry != c.want.Retry || f.Status != c.want.Status {
			t.Errorf("%d %s: %+v, want %+v", c.status, c.answer, err, c.want)
		}
		if strings.Contains(f.Reason, "https://x") {
			t.Errorf("the reason holds the link: %s", f.Reason)
		}
	}
}

// The gateway is asked and nobody else: no host from a template, no private address unless configured.
func TestTheClientGoesNowhereElse(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for _, bad := range []string{"", "ftp://x/", "https://{{.Text}}/", "https://x{{.Text}}/", "http://gw.example/", "https://u:p@gw/", "https:///x", "https://gw{{.To}}"} {
		if _, err := sms.NewHTTP(sms.Config{Template: sms.Template{URL: bad}}, log); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	for _, target := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "192.168.1.1", "100.64.0.1", "[fe80::1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "0.1.2.3"} {
		h := build(t, sms.Config{Template: sms.Template{URL: "https://" + target + "/"}})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := h.Send(ctx, msg())
		cancel()
		var f *message.Failure
		if !errors.As(err, &f) || !f.Gateway {
			t.Errorf("%s: %v", target, err)
		}
		if err := sms.Admit(strings.TrimSuffix(target, "/")+":443", false); err == nil {
			t.Errorf("%s was dialled", target)
		}
	}
	for target, private := range map[string]bool{"93.184.216.34:443": false, "10.0.0.1:13013": true, "127.0.0.1:80": true} {
		if err := sms.Admit(target, private); err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}
	if sms.Admit("169.254.169.254:80", true) == nil || sms.Admit("[64:ff9b::a9fe:a9fe]:80", true) == nil {
		t.Error("the cloud's metadata can be reached")
	}
}

func TestReceiptsComeByEveryWay(t *testing.T) {
	t.Parallel()
	h := build(t, sms.Config{Template: sms.Presets()["twilio"], User: "AC"})
	heard := make(chan message.Receipt, 10)
	handler, err := web.New(web.Config{}, web.Deps{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now},
		h.Receipts("s3cret", func(_ context.Context, driver string, ids []string, r message.Receipt) error {
			if driver != "http" || ids[0] != "SM1" {
				t.Errorf("%s %v", driver, ids)
			}
			heard <- r
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, kind, body string) int {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), "s3cre") {
			t.Errorf("the secret is in the answer: %s", w.Body)
		}
		return w.Code
	}
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		method, path, kind, body string
		want                     message.Status
	}{
		{"POST", "/sms/receipts/s3cret", form, "MessageSid=SM1&MessageStatus=delivered&To=%2B390212345678", message.Delivered},
		{"GET", "/sms/receipts/s3cret?MessageSid=SM1&MessageStatus=undelivered", "", "", message.Undelivered},
		{"POST", "/sms/receipts/s3cret", "application/json", `{"MessageSid":"SM1","MessageStatus":"<script>"}`, message.Unknown},
	} {
		if code := ask(c.method, c.path, c.kind, c.body); code != http.StatusNoContent {
			t.Fatalf("%s %s: %d", c.method, c.path, code)
		}
		if r := <-heard; r.Status != c.want || strings.Contains(r.Detail, "<") {
			t.Errorf("%+v, want %s", r, c.want)
		}
	}
	if code := ask("POST", "/sms/receipts/s3creX", form, "MessageSid=SM1&MessageStatus=delivered"); code != http.StatusNotFound || len(heard) != 0 {
		t.Errorf("a wrong secret: %d", code)
	}
}

func TestTheFileHoldsWhatThePhoneWouldGet(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out", "sms.jsonl")
	f := sms.NewFile(path)
	for range 2 {
		if _, err := f.Send(t.Context(), msg()); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil || strings.Count(string(b), "\n") != 2 {
		t.Fatalf("%q %v", b, err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}
