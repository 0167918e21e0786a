package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/apiclient"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

const (
	iPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1"
	iPreview = "Mozilla/5.0 (Macintosh) facebookexternalhit/1.1 Facebot Twitterbot/1.0"
)

// The story of an account, as people live it: made by the wizard, invited by SMS through somebody else's gateway, looked
// at by machines, opened by a person, redeemed by the app, registered, called. Nobody presses Refresh.
func TestFromTheWizardToTheFirstCall(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) gateway{"SMPP": centre, "Kannel": kannel} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lives(t, open(t))
		})
	}
}

func lives(t *testing.T, g gateway) {
	c := testConfig(t)
	c.Domain, c.HTTP.Public = "localhost", "127.0.0.1:0" // a name that the gateway can resolve, for its receipts
	g.set(&c)
	s := start(t, c)
	local := func(p *phone.Config) { p.Domain, p.Mute = "localhost", true }
	group := s.group()
	bob := s.phone(s.line(group, "7002"), local)
	ann, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{
		Way: "wizard", Type: "PGSM", GroupID: group, ProfileID: "default", Owner: "Ann", Number: "+390212345678",
	})
	if err != nil || ann.State != "pending" {
		t.Fatalf("%v, state %q", err, ann.State)
	}
	install := s.texted(ann.ID, "installation", g)
	if code, page := s.visit(http.MethodGet, install, iPhone); code != http.StatusOK || !strings.Contains(page, "App Store") && !strings.Contains(page, "administrator") {
		t.Fatalf("the installation page: %d %s", code, page)
	}
	link := s.texted(ann.ID, "activation", g)
	for range 5 {
		s.visit(http.MethodGet, link, iPreview)
		s.visit(http.MethodHead, link, iPhone)
	}
	if steps := s.steps(ann.ID); slices.Contains(steps, "opened activation on ios") || !slices.Contains(steps, "opened installation on ios") {
		t.Errorf("a preview counts as a person, or a person does not: %v", steps)
	}
	if code, _ := s.visit(http.MethodGet, link, iPhone); code != http.StatusOK {
		t.Fatalf("the page after the previews: %d", code)
	}
	given := s.redeemedOnce(link)
	ann.User, ann.Password = given.Account.User, given.Account.Password
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(given.Server.CA))
	alice := s.phone(line{ann}, local, func(p *phone.Config) {
		at := given.Server.Transports[0]
		p.Server, p.Transport, p.Domain = fmt.Sprintf("%s:%d", at.Host, at.Port), at.Transport, given.Server.Domain
		p.TLS = &tls.Config{RootCAs: roots, ServerName: at.Host}
	})
	siptest.Talk(t, alice, "7002", bob)
	want := []string{"created wizard", "queued installation by sms", "sent installation by sms", "delivered installation by sms",
		"opened installation on ios", "queued activation by sms", "sent activation by sms", "delivered activation by sms",
		"previewed activation, by a machine", "opened activation on ios", "redeemed", "activated", "configured", "registered"}
	eventually(t, "the whole story is in the timeline", time.Minute, func() bool {
		steps := s.steps(ann.ID)
		return !slices.ContainsFunc(want, func(w string) bool {
			return !slices.ContainsFunc(steps, func(step string) bool { return strings.HasPrefix(step, w) })
		})
	})
}

// texted sends a message by SMS and returns the link that arrived at the other end.
func (s *server) texted(id, kind string, g gateway) (link string) {
	s.t.Helper()
	before := len(g.link.FindAllString(g.texts(), -1))
	if code, m := s.ask(http.MethodPost, "/accounts/"+id+"/messages", map[string]any{"kind": kind, "channel": "sms"}); code != http.StatusCreated || m["url"] != nil {
		s.t.Fatalf("%d %v", code, m)
	}
	eventually(s.t, "the SMS arrives", time.Minute, func() bool { return len(g.link.FindAllString(g.texts(), -1)) > before })
	all := g.link.FindAllStringSubmatch(g.texts(), -1)
	return all[len(all)-1][1]
}

// visit is a look at an address of the public listener.
func (s *server) visit(method, address, agent string) (code int, body string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("User-Agent", agent)
	trust := s.trust()
	trust.ServerName = ""
	res, err := (&http.Transport{DisableKeepAlives: true, TLSClientConfig: trust}).RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if p := res.Header.Get("Referrer-Policy"); p != "no-referrer" {
		s.t.Errorf("%s %d: Referrer-Policy %q", method, res.StatusCode, p)
	}
	return res.StatusCode, string(b)
}

// configuration is what a phone is told.
type configuration struct {
	Account struct{ User, Password string }
	Server  struct {
		Domain, CA string
		Transports []struct {
			Transport, Host string
			Port            int
		}
	}
}

// redeemedOnce redeems a link fifty times at once, each time from another device.
func (s *server) redeemedOnce(link string) (given configuration) {
	s.t.Helper()
	trust := s.trust()
	trust.ServerName = ""
	transport := &http.Transport{TLSClientConfig: trust}
	defer transport.CloseIdleConnections()
	codes := make([]int, 50)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			body := fmt.Sprintf(`{"device":{"name":"iPhone %d","platform":"ios","app_version":"1","key":"device %d"}}`, i, i)
			res, err := (&http.Client{Transport: transport}).Post(link, "application/json", strings.NewReader(body))
			if err != nil {
				s.t.Error(err)
				return
			}
			defer res.Body.Close()
			if codes[i] = res.StatusCode; codes[i] == http.StatusOK {
				if err := json.NewDecoder(res.Body).Decode(&given); err != nil {
					s.t.Error(err)
				}
			}
		})
	}
	all.Wait()
	slices.Sort(codes)
	if codes[0] != http.StatusOK || codes[1] != http.StatusGone || codes[49] != http.StatusGone {
		s.t.Fatalf("fifty redemptions at once: %v", codes)
	}
	return given
}

// steps are an account's timeline, each in a few words.
func (s *server) steps(id string) (all []string) {
	s.t.Helper()
	_, m := s.ask(http.MethodGet, "/accounts/"+id+"/timeline", nil)
	items, _ := m["items"].([]any)
	for _, i := range items {
		step, _ := i.(map[string]any)
		detail, _ := step["detail"].(string)
		all = append(all, strings.TrimSpace(fmt.Sprintf("%v %s", step["step"], detail)))
	}
	return all
}
