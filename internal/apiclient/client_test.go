package apiclient_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sipward/internal/apiclient"
	"sipward/internal/apitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, h http.Handler, token string) *apiclient.Client {
	t.Helper()
	s := httptest.NewServer(h)
	c, err := apiclient.New(apiclient.Config{URL: s.URL, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c
}

func TestAnOperatorsDay(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	c, ctx := client(t, api.Strict(), apitest.Bootstrap), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	g, err := c.CreateGroup(ctx, apiclient.NewGroup{Name: "Sales"})
	must(err)
	ann, err := c.CreateAccount(ctx, apiclient.NewAccount{GroupID: g.ID, Owner: "Ann", Number: "+390212345678"})
	must(err)
	if ann.Password == "" || ann.State != "active" {
		t.Errorf("created %+v", ann)
	}
	for _, ref := range []string{ann.ID, ann.User, ann.Number} {
		if found, err := c.FindAccount(ctx, ref); err != nil || found.ID != ann.ID {
			t.Errorf("%s: %v %v", ref, found.ID, err)
		}
	}
	if _, err := c.FindAccount(ctx, "999"); err == nil || !strings.Contains(err.Error(), "account list") {
		t.Errorf("unknown account: %v", err)
	}
	off, err := c.Disable(ctx, ann.ID, "lost")
	must(err)
	if ch, err := c.Await(ctx, off.Change, 5*time.Second); err != nil || ch.Status != "effective" || off.State != "disabled" {
		t.Errorf("%+v %v", ch, err)
	}
	on, err := c.Enable(ctx, ann.ID)
	must(err)
	if on.State != "active" {
		t.Errorf("enabled %+v", on)
	}
	tok, err := c.CreateToken(ctx, apiclient.NewToken{Name: "job", Role: "auditor"})
	must(err)
	if _, err := client(t, api.Strict(), tok.Token).Accounts(ctx, apiclient.Filter{State: "active"}); err != nil {
		t.Error(err)
	}
	must(c.DeleteToken(ctx, tok.ID))
	var dump bytes.Buffer
	must(c.Export(ctx, &dump))
	if done, err := c.Import(ctx, &dump); err != nil || len(done.Skipped) != 2 {
		t.Errorf("import over itself: %+v %v", done, err)
	}
	must(c.DeleteAccount(ctx, ann.ID, on.Version))
	must(c.DeleteGroup(ctx, g.ID, 0))
	if nodes, err := c.Nodes(ctx); err != nil || len(nodes) != 0 {
		t.Errorf("nodes %v %v", nodes, err)
	}
}

func TestListsFetchAllPages(t *testing.T) {
	t.Parallel()
	pages := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages++
		next := `"p2"`
		if r.URL.Query().Get("cursor") == "p2" {
			next = "null"
		}
		_, _ = w.Write([]byte(`{"items":[{"id":"x"}],"next":` + next + `}`))
	})
	if groups, err := client(t, h, "t").Groups(t.Context()); err != nil || len(groups) != 2 || pages != 2 {
		t.Errorf("%d groups of %d pages: %v", len(groups), pages, err)
	}
}

func TestRefusalsAreClear(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	_, err := client(t, api.Strict(), apitest.Bootstrap).CreateAccount(t.Context(), apiclient.NewAccount{Number: "0"})
	for _, want := range []string{"number is not accepted", "group_id is missing", "owner is missing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	_, err = client(t, api.Strict(), "wrong").Groups(t.Context())
	if err == nil || !strings.Contains(err.Error(), "token") || strings.Contains(err.Error(), "\n") {
		t.Errorf("wrong token: %v", err)
	}
	_, err = client(t, http.NotFoundHandler(), "t").Groups(t.Context())
	if err == nil || !strings.Contains(err.Error(), "is the address that of the admin API") {
		t.Errorf("another server: %v", err)
	}
}

func TestAServerThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	c, err := apiclient.New(apiclient.Config{URL: dead.URL, Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Groups(t.Context()); err == nil || !strings.Contains(err.Error(), "sipward serve") {
		t.Errorf("got %v", err)
	}
	for _, bad := range []apiclient.Config{{URL: "localhost:8080", Token: "t"}, {URL: "", Token: "t"}, {URL: "http://x"}, {URL: "http://x", Token: "t", CAFile: "/nowhere"}} {
		if _, err := apiclient.New(bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

func TestTheCAIsChecked(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"items":[],"next":null}`)) }))
	t.Cleanup(s.Close)
	ask := func(ca string) error {
		c, err := apiclient.New(apiclient.Config{URL: s.URL, Token: "t", CAFile: ca})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Groups(t.Context())
		return err
	}
	if err := ask(""); err == nil || !strings.Contains(err.Error(), "--ca") {
		t.Errorf("unknown CA: %v", err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(file); err != nil {
		t.Error(err)
	}
}

func TestAwaitEnds(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"pending","nodes":[{"id":"n1","effective":false}]}`))
	})
	c := client(t, h, "t")
	if ch, err := c.Await(t.Context(), "x", time.Millisecond); err != nil || ch.Status != "pending" {
		t.Errorf("%+v %v", ch, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if ch, err := c.Await(ctx, "x", time.Hour); err == nil {
		t.Errorf("got %+v", ch)
	}
}

func TestAwaitOutlastsAServerThatCannotTell(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name    string
		answers []int // the last stays
		wait    time.Duration
		asked   int64
		ok      bool
	}{
		{"late", []int{503, 429, 200}, time.Minute, 3, true},
		{"never", []int{503}, time.Nanosecond, 1, false},
		{"not there", []int{404, 200}, time.Minute, 1, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			c := client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				code := x.answers[min(int(asked.Add(1)), len(x.answers))-1]
				w.WriteHeader(code)
				if code == http.StatusOK {
					_, _ = w.Write([]byte(`{"status":"effective","nodes":[]}`))
					return
				}
				_, _ = fmt.Fprintf(w, `{"status":%d,"title":"no","detail":"not now"}`, code)
			}), "t")
			ch, err := c.Await(t.Context(), "x", x.wait)
			if (err == nil) != x.ok || (ch.Status == "effective") != x.ok || asked.Load() != x.asked {
				t.Errorf("asked %d times: %+v %v", asked.Load(), ch, err)
			}
		})
	}
}
