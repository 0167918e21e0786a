package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sipward/internal/apiclient"
	"sipward/internal/seal"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
)

// process is `sipward serve` in a process of its own, so that it can be killed.
type process struct {
	cmd   *exec.Cmd
	at    map[string]string // where it listens: SIP/udp, SIP/tls, admin API, metrics
	ca    string            // file
	api   *apiclient.Client
	took  time.Duration // from start to serving
	udp   string
	admin string
}

// crashToken is the bootstrap token of such a process.
const crashToken = "token-of-the-crash-tests"

var reBound = regexp.MustCompile(`^\s+(SIP/udp|SIP/tls|admin API|phones|metrics|state)\s+(?:https?://)?([0-9.:]+)?`)

// spawn starts the server on the state in dir and waits until it has said where it is.
func spawn(t *testing.T, dir, redisURL string, env ...string) *process {
	t.Helper()
	return spawnBuild(t, os.Args[0], dir, redisURL, env...)
}

// spawnBuild is spawn with a program of another build.
func spawnBuild(t *testing.T, program, dir, redisURL string, env ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, "serve"), at: map[string]string{}, ca: filepath.Join(dir, "tls", "ca.pem")}
	p.cmd.Env = append(os.Environ(), "SIPWARD_TEST_MAIN=1", "SIPWARD_DATA_DIR="+dir, "SIPWARD_DOMAIN="+realm,
		"SIPWARD_SIP_UDP=127.0.0.1:0", "SIPWARD_SIP_TCP=", "SIPWARD_SIP_TLS=", "SIPWARD_SIP_WSS=",
		"SIPWARD_HTTP_ADMIN=127.0.0.1:0", "SIPWARD_HTTP_PUBLIC=", "SIPWARD_HTTP_METRICS=", "SIPWARD_LOG_LEVEL=error",
		"SIPWARD_ROOT_KEY="+rootText(seal.Root{9}), "SIPWARD_ADMIN_BOOTSTRAP_TOKEN="+crashToken, "SIPWARD_REDIS_URL="+redisURL, "SIPWARD_NODE_ID=one",
		"SIPWARD_LIMITS_EXEMPT=127.0.0.0/8", "SIPWARD_NODE_LISTEN=127.0.0.1:0")
	p.cmd.Env = append(p.cmd.Env, env...) // the last one counts
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(out)
	for last := ""; last != "state" && lines.Scan(); {
		if m := reBound.FindStringSubmatch(lines.Text()); m != nil {
			last, p.at[m[1]] = m[1], m[2]
		}
	}
	if p.udp, p.admin = p.at["SIP/udp"], p.at["admin API"]; p.udp == "" || p.admin == "" {
		t.Fatal("the server did not say where it is")
	}
	if p.api, err = apiclient.New(apiclient.Config{URL: "http://" + p.admin, Token: crashToken}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.api.Close)
	p.took = time.Since(began)
	return p
}

// kill ends the process at once and reaps it; it may be called again.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// terminate asks the process to end, and waits until it has; it returns how long that took.
func (p *process) terminate(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the node ended with: %v", err)
	}
	return time.Since(began)
}

// promises is what the server has acknowledged so far.
type promises struct {
	mu       sync.Mutex
	accounts map[string]line   // by id
	states   map[string]string // by id: the last state acknowledged, or "" while a change is under way
	bound    map[string]string // by id: the contact's address acknowledged
	touched  map[string]bool   // by id: since the last look
}

// load keeps the server busy until it is gone: it makes accounts, disables and enables them, registers phones.
func (r *promises) load(ctx context.Context, t *testing.T, p *process, group string, round int) {
	var wg sync.WaitGroup
	wg.Go(func() { r.create(ctx, p, group, round) })
	wg.Go(func() { r.toggle(ctx, p) })
	for range 4 {
		wg.Go(func() { r.register(ctx, t, p) })
	}
	wg.Wait()
}

func (r *promises) create(ctx context.Context, p *process, group string, round int) {
	for i := 0; ctx.Err() == nil; i++ {
		number := fmt.Sprintf("%02d%04d", round+10, i)
		a, err := p.api.CreateAccount(ctx, apiclient.NewAccount{Way: "plain", GroupID: group, Owner: "Crash", Number: number})
		if err != nil {
			return
		}
		r.mu.Lock()
		r.accounts[a.ID], r.states[a.ID], r.touched[a.ID] = line{a}, a.State, true
		r.mu.Unlock()
	}
}

func (r *promises) some() (l line, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.accounts { // a random one, as maps go
		return l, true
	}
	return l, false
}

func (r *promises) toggle(ctx context.Context, p *process) {
	for ctx.Err() == nil {
		l, ok := r.some()
		if !ok {
			continue
		}
		r.mu.Lock()
		was := r.states[l.ID]
		r.states[l.ID], r.touched[l.ID] = "", true
		r.mu.Unlock()
		change := p.api.Disable
		if was == "disabled" {
			change = func(ctx context.Context, id, _ string) (apiclient.Account, error) { return p.api.Enable(ctx, id) }
		}
		a, err := change(ctx, l.ID, "crash test")
		if err != nil {
			return
		}
		r.mu.Lock()
		r.states[l.ID] = a.State
		r.mu.Unlock()
	}
}

func (r *promises) register(ctx context.Context, t *testing.T, p *process) {
	for ctx.Err() == nil {
		l, ok := r.some()
		if !ok {
			continue
		}
		ua, err := phone.New(phone.Config{Server: p.udp, Domain: realm, User: l.User, Password: phone.Secret(l.Password), Mute: true, NoRefresh: true})
		if err != nil {
			t.Error(err)
			return
		}
		if err := ua.Register(ctx); err == nil {
			r.mu.Lock()
			r.bound[l.ID], r.touched[l.ID] = ua.Local().String(), true
			r.mu.Unlock()
		}
		ua.Drop()
		ua.Close()
	}
}

// kept checks the promises made or renewed since the last look, or all of them, against the server that came up again.
func (r *promises) kept(t *testing.T, p *process, all bool) {
	t.Helper()
	for id, l := range r.accounts {
		if !all && !r.touched[id] {
			continue
		}
		a, err := p.account(t.Context(), id)
		if err != nil {
			t.Fatalf("account %s (%s) was acknowledged and is gone: %v", id, l.Number, err)
		}
		if want := r.states[id]; want != "" && a.State != want {
			t.Errorf("account %s: %s was acknowledged, it is %s", id, want, a.State)
		}
		r.states[id] = a.State
		if addr := r.bound[id]; addr != "" && !strings.Contains(registrations(t, p, id), addr) {
			t.Errorf("account %s: the binding of %s was acknowledged and is gone", id, addr)
		}
	}
	clear(r.touched)
}

// account asks until the store answers: on a busy machine it may miss its 200 ms, which says nothing about what is kept.
func (p *process) account(ctx context.Context, id string) (a apiclient.Account, err error) {
	for range 50 {
		var problem *apiclient.Problem
		if a, err = p.api.Account(ctx, id); !errors.As(err, &problem) || problem.Status != http.StatusServiceUnavailable {
			break
		}
	}
	return a, err
}

func registrations(t *testing.T, p *process, id string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.admin+"/api/v1/accounts/"+id+"/registrations", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+crashToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body json.RawMessage
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("registrations: %d, %v", res.StatusCode, err)
	}
	return string(body)
}

// F9: the process is killed at random moments under load; everything it has acknowledged is there when it comes up again,
// on the embedded store and on Redis. SIPWARD_TEST_KILLS sets how often (200 in make accept).
func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("SIPWARD_TEST_KILLS")); err == nil {
		kills = n
	}
	for name, url := range map[string]func(t *testing.T) string{
		"embedded": func(*testing.T) string { return "" },
		"redis":    func(t *testing.T) string { return kvtest.Redis(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, url := filepath.Join(t.TempDir(), "data"), url(t)
			r := &promises{accounts: map[string]line{}, states: map[string]string{}, bound: map[string]string{}, touched: map[string]bool{}}
			p := spawn(t, dir, url)
			g, err := p.api.CreateGroup(t.Context(), apiclient.NewGroup{Name: "Crash"})
			if err != nil {
				t.Fatal(err)
			}
			var slowest time.Duration
			for round := range kills {
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond+rand.N(500*time.Millisecond))
				stop := context.AfterFunc(ctx, p.kill)
				r.load(ctx, t, p, g.ID, round)
				cancel()
				stop()
				p.kill()
				p = spawn(t, dir, url)
				slowest = max(slowest, p.took)
				r.kept(t, p, round == kills-1)
			}
			t.Logf("%d kills: %d accounts, %d bindings kept; slowest start %s / limit 2s", kills, len(r.accounts), len(r.bound), slowest.Round(time.Millisecond))
			if len(r.accounts) < kills || len(r.bound) == 0 {
				t.Error("too little happened between the kills for the test to mean anything")
			}
		})
	}
}
