//go:build accept

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/apiclient"
	"sipward/internal/failpoint"
	"sipward/internal/store/kv/kvtest"
)

// F10: the process dies at each named place under load, several times, on both stores. What was acknowledged is there when
// it comes up again, no link was used twice, and every message that was taken reaches the gateway.
func TestDeathAtEachFailpoint(t *testing.T) {
	t.Parallel()
	program := failingBuild(t)
	var all []*dying
	t.Run("lives", func(lives *testing.T) {
		for _, point := range failpoint.All() {
			for name, url := range map[string]string{"embedded": "", "redis": kvtest.Redis(t).URL()} {
				d := newDying(t, program, url)
				all = append(all, d)
				lives.Run(point+" "+name, func(t *testing.T) {
					t.Parallel()
					d.t = t
					for round := range 3 {
						d.die(point, round)
					}
				})
			}
		}
	})
	end(t, all)
}

// failingBuild is the server with the places in it.
func failingBuild(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sipward")
	build := exec.Command("go", "build", "-tags", "failpoint", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// dying is one state through several lives of its process.
type dying struct {
	t       *testing.T
	program string
	dir     string
	redis   string
	kept    *promises

	mu     sync.Mutex
	taken  map[string]bool   // recipients whose message was taken
	opened map[string]string // link: the account it activated, and the device knows
	closed map[string]bool   // accounts whose revocation was acknowledged
}

func newDying(t *testing.T, program, redis string) *dying {
	return &dying{
		t: t, program: program, dir: filepath.Join(t.TempDir(), "data"), redis: redis,
		kept:  &promises{accounts: map[string]line{}, states: map[string]string{}, bound: map[string]string{}, touched: map[string]bool{}},
		taken: map[string]bool{}, opened: map[string]string{}, closed: map[string]bool{},
	}
}

// life starts the process; armed is where it dies and how likely, or nothing.
func (d *dying) life(armed string) *process {
	d.t.Helper()
	return spawnBuild(d.t, d.program, d.dir, d.redis, failpoint.Variable+"="+armed, "SIPWARD_HTTP_PUBLIC=127.0.0.1:0",
		"SIPWARD_SMS_PER_NUMBER=0", "SIPWARD_SMS_DAILY=0")
}

// die loads the process until it has died at the place, and looks at what is left.
func (d *dying) die(point string, round int) {
	t := d.t
	t.Helper()
	p := d.life("")
	group, err := p.api.CreateGroup(t.Context(), apiclient.NewGroup{Name: fmt.Sprint("Round ", round)})
	if err != nil {
		t.Fatal(err)
	}
	p.kill()
	p = d.life(point + "=" + chance(point))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	died := make(chan struct{})
	go func() {
		_ = p.cmd.Wait()
		close(died)
		cancel()
	}()
	var load sync.WaitGroup
	load.Go(func() { d.kept.load(ctx, t, p, group.ID, round) })
	load.Go(func() { d.journeys(ctx, p, group.ID, round) })
	load.Wait()
	select {
	case <-died:
	default:
		t.Errorf("nothing came by %s within a minute", point)
	}
	p.kill()
	p = d.life("")
	d.kept.kept(t, p, true)
	d.histories(p)
	p.kill()
}

// chance lets enough work be done before the process dies, however often a place is passed.
func chance(point string) string {
	switch kind, _, _ := strings.Cut(point, "."); kind {
	case "store":
		return "0.003"
	case "register":
		return "0.01"
	default:
		return "0.05"
	}
}

// journeys makes accounts, sends each its link, opens it, and takes its keys away.
func (d *dying) journeys(ctx context.Context, p *process, group string, round int) {
	public := d.public(p)
	defer public.CloseIdleConnections()
	for i := 0; ctx.Err() == nil; i++ {
		number := fmt.Sprintf("8%d%04d", round, i)
		a, err := p.api.CreateAccount(ctx, apiclient.NewAccount{Way: "wizard", GroupID: group, ProfileID: "default", Owner: "Journey", Number: number})
		if err != nil {
			continue
		}
		to := "+39" + number
		if _, err := p.invite(ctx, a.ID, map[string]any{"kind": "installation", "channel": "sms", "to": to}); err == nil {
			d.note(func() { d.taken[to] = true })
		}
		link, err := p.invite(ctx, a.ID, map[string]any{"kind": "activation", "channel": "link"})
		if err != nil {
			continue
		}
		if code, err := open(ctx, public, link, "first"); err == nil && code == http.StatusOK {
			d.note(func() { d.opened[link] = a.ID })
		}
		_, err = p.api.Ask(ctx, apiclient.Request{Method: http.MethodPost, Path: "/api/v1/accounts/" + a.ID + "/revoke-keys", Body: struct{}{}}, nil)
		if err == nil {
			d.note(func() { d.closed[a.ID] = true })
		}
	}
}

func (d *dying) note(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// invite makes a message for an account and returns the path of its link.
func (p *process) invite(ctx context.Context, id string, body map[string]any) (path string, err error) {
	var made struct{ URL string }
	_, err = p.api.Ask(ctx, apiclient.Request{Method: http.MethodPost, Path: "/api/v1/accounts/" + id + "/messages", Body: body}, &made)
	return strings.TrimPrefix(made.URL, "https://"+realm), err
}

// public is a client of the process's listener for phones; it takes paths.
func (d *dying) public(p *process) *http.Client {
	pem, err := os.ReadFile(p.ca)
	if err != nil {
		d.t.Error(err)
	}
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(pem)
	return &http.Client{Transport: toward{p.at["phones"], &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}}}}
}

// toward sends every request to one address.
type toward struct {
	addr string
	*http.Transport
}

// RoundTrip implements http.RoundTripper.
func (w toward) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = "https", w.addr, ""
	return w.Transport.RoundTrip(r)
}

// open uses a link up as a device; until the store has time.
func open(ctx context.Context, public *http.Client, path, device string) (code int, err error) {
	body := fmt.Sprintf(`{"device":{"name":"Pixel","platform":"android","app_version":"1","key":%q}}`, device)
	for range retries {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://phones"+path, strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := public.Do(r)
		if err != nil {
			return 0, err
		}
		_ = res.Body.Close()
		if code = res.StatusCode; code != http.StatusServiceUnavailable {
			break
		}
	}
	return code, nil
}

// histories checks what the links and revocations that were acknowledged have become.
func (d *dying) histories(p *process) {
	t, public := d.t, d.public(p)
	t.Helper()
	defer public.CloseIdleConnections()
	for link, id := range d.opened {
		if code, err := open(t.Context(), public, link, "second"); err != nil || code != http.StatusGone {
			t.Errorf("a link that was used up, from another device: %d, %v", code, err)
		}
		if a, err := p.account(t.Context(), id); err != nil || a.State != "active" {
			t.Errorf("account %s was activated: it is %s, %v", id, a.State, err)
		}
	}
	for id := range d.closed {
		var keys struct {
			MayUpload bool `json:"may_upload"`
		}
		if _, err := p.api.Ask(t.Context(), apiclient.Request{Path: "/api/v1/accounts/" + id + "/keys"}, &keys); err != nil || keys.MayUpload {
			t.Errorf("account %s: its keys were revoked, an upload is still permitted (%v)", id, err)
		}
	}
}

// end waits until every message that was taken has been sent at least once: one that was under way when its sender died
// is due again when its lease ends, after a tenth of three minutes in this build (failpoint.Soon).
func end(t *testing.T, all []*dying) {
	t.Helper()
	for _, d := range all {
		d.t = t
		p := d.life("")
		defer p.kill()
	}
	eventually(t, "every message that was taken is sent", 5*time.Minute, func() bool {
		rest(t, 250*time.Millisecond)
		return !slices.ContainsFunc(all, (*dying).waits)
	})
	for _, d := range all {
		t.Logf("%d accounts, %d bindings, %d messages, %d links, %d revocations kept; 0 lost / limit 0",
			len(d.kept.accounts), len(d.kept.bound), len(d.taken), len(d.opened), len(d.closed))
		if len(d.kept.accounts) == 0 || len(d.opened)+len(d.taken) == 0 {
			t.Error("too little happened for the test to mean anything")
		}
	}
}

// waits reports whether a message that was taken has not been sent.
func (d *dying) waits() bool {
	sent, _ := os.ReadFile(filepath.Join(d.dir, "outbox", "sms.jsonl"))
	for to := range d.taken {
		if !strings.Contains(string(sent), `"to":"`+to+`"`) {
			return true
		}
	}
	return false
}
