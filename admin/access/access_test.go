package access_test

import (
	"encoding/base32"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/web"
)

const (
	v1     = "/api/v1"
	phrase = "four unrelated words here"
)

// browser is one browser: a cookie, a CSRF token, an address.
type browser struct {
	api    *apitest.API
	t      *testing.T
	from   string
	cookie string
	csrf   string
	origin string
}

func (b *browser) do(method, path string, body any) apitest.Answer {
	b.t.Helper()
	h := http.Header{"User-Agent": {"test browser"}}
	if b.cookie != "" {
		h.Set("Cookie", "sipward_session="+b.cookie)
	}
	if b.csrf != "" {
		h.Set("X-Csrf-Token", b.csrf)
	}
	if b.origin != "" {
		h.Set("Origin", b.origin)
	}
	a := b.api.Do(apitest.Call{Method: method, Path: v1 + path, Body: body, Bearer: "-", Header: h, From: b.from})
	for _, c := range a.Result().Cookies() {
		b.cookie = c.Value
	}
	return a
}

// signIn keeps what a browser keeps.
func (b *browser) signIn(name, password string) apitest.Answer {
	b.t.Helper()
	a := b.do("POST", "/session", map[string]string{"name": name, "password": password})
	if a.Code == 200 {
		b.csrf = a.Get("csrf_token")
	}
	return a
}

// first sets the server up by its link and returns the signed-in browser.
func first(t *testing.T, api *apitest.API) *browser {
	t.Helper()
	link, err := api.Access.FirstLink(t.Context())
	if err != nil || !strings.HasPrefix(link, "https://admin.example/setup/") {
		t.Fatalf("link %q, %v", link, err)
	}
	b := &browser{api: api, t: t, from: "192.0.2.1"}
	made := b.do("POST", "/setup", map[string]string{"token": tokenOf(link), "name": "Ann", "password": phrase}).Want(200)
	b.csrf = made.Get("csrf_token")
	return b
}

func tokenOf(link string) string { return link[strings.LastIndexByte(link, '/')+1:] }

func open(t *testing.T, api *apitest.API, n int) *browser {
	return &browser{api: api, t: t, from: fmt.Sprintf("198.51.100.%d", n)}
}

func TestTheFirstOperatorComesByTheLinkOnce(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	b := open(t, api, 1)
	if b.do("GET", "/session/methods", nil).Want(200).JSON()["setup_needed"] != true {
		t.Error("a fresh server needs no set-up")
	}
	api.Do(apitest.Call{Method: "GET", Path: v1 + "/groups"}).Want(200) // the bootstrap token lets in
	link, err := api.Access.FirstLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := api.Access.FirstLink(t.Context()) // another node prints its own
	if err != nil || other == link {
		t.Fatalf("%q twice, %v", link, err)
	}
	token := map[string]string{"token": tokenOf(link)}
	for range 3 { // looking uses nothing up
		if b.do("POST", "/setup/look", token).Want(200).Get("kind") != "first" {
			t.Error("the link is not for the first operator")
		}
	}
	b.do("POST", "/setup", map[string]string{"token": tokenOf(link), "name": "a b", "password": "short"}).Refused(400, "invalid")
	made := b.do("POST", "/setup", map[string]string{"token": tokenOf(link), "name": "Ann", "password": phrase}).Want(200)
	if made.Get("role") != "superadmin" || made.Get("name") != "ann" || made.Get("csrf_token") == "" {
		t.Errorf("got %s", made.Body)
	}
	for _, l := range []string{link, other, "https://x/setup/unknown"} {
		b.do("POST", "/setup/look", map[string]string{"token": tokenOf(l)}).Refused(410, "gone")
		b.do("POST", "/setup", map[string]string{"token": tokenOf(l), "name": "eve", "password": phrase}).Refused(410, "gone")
	}
	if l, err := api.Access.FirstLink(t.Context()); err != nil || l != "" {
		t.Errorf("another first link: %q, %v", l, err)
	}
	api.Do(apitest.Call{Method: "GET", Path: v1 + "/groups"}).Refused(401, "unauthorised") // and is dead now
	b.do("GET", "/groups", nil).Want(200)
	if strings.Contains(api.Log.String(), tokenOf(link)) || strings.Contains(api.Log.String(), phrase) {
		t.Error("a secret is in the log")
	}
}

// P: of fifty at the same time one becomes the first operator.
func TestOneOfManyIsFirst(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	link, err := api.Access.FirstLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var made int
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			a := open(t, api, i).do("POST", "/setup", map[string]string{"token": tokenOf(link), "name": fmt.Sprintf("ann%d", i), "password": phrase})
			mu.Lock()
			defer mu.Unlock()
			if a.Code == 200 {
				made++
			}
		})
	}
	all.Wait()
	if made != 1 {
		t.Errorf("%d first operators", made)
	}
}

func TestSigningInAndOut(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	ann := first(t, api)
	b := open(t, api, 1)
	b.do("GET", "/session", nil).Refused(401, "unauthorised")
	in := b.signIn(" ANN ", phrase).Want(200)
	c := in.Result().Cookies()[0]
	if c.Name != "sipward_session" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || len(c.Value) < 26 {
		t.Errorf("cookie %+v", c)
	}
	if who := b.do("GET", "/session", nil).Want(200); who.Get("kind") != "session" || who.Get("csrf_token") != b.csrf {
		t.Errorf("got %s", who.Body)
	}
	ann.do("GET", "/session", nil).Refused(401, "unauthorised") // one session an operator: this one was ended
	b.do("DELETE", "/session", nil).Want(204)
	if b.cookie != "" {
		t.Error("the cookie stays")
	}
	b.cookie = c.Value
	b.do("GET", "/session", nil).Refused(401, "unauthorised")
	b.signIn("ann", phrase).Want(200)
	log := b.do("GET", "/sign-ins?name=ann", nil).Want(200).Body.String()
	for _, event := range []string{"SET_UP", "SUCCESS", "REPLACED", "SIGN_OUT", `"test browser"`, `"198.51.100.1"`} {
		if !strings.Contains(log, event) {
			t.Errorf("no %s in %s", event, log)
		}
	}
	if strings.Contains(api.Log.String(), c.Value) || strings.Contains(log, c.Value) {
		t.Error("the cookie is in a log")
	}
}

// P5: a change by cookie needs the token, and a page of ours.
func TestChangesByCookieComeFromOurPages(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	b := first(t, api)
	group := map[string]string{"name": "Sales"}
	good := b.csrf
	for _, token := range []string{"", "x", strings.ToUpper(good)} {
		b.csrf = token
		b.do("POST", "/groups", group).Refused(403, "csrf")
	}
	b.csrf = good
	for _, origin := range []string{"https://evil.example", "null", "http://example.com.evil.example", "https://admin.example.evil"} {
		b.origin = origin
		b.do("POST", "/groups", group).Refused(403, "foreign_origin")
		b.do("POST", "/session", map[string]string{"name": "ann", "password": phrase}).Refused(403, "foreign_origin")
	}
	b.origin = "http://example.com" // httptest's host
	b.do("POST", "/groups", group).Want(201)
	b.origin = ""
	api.Do(apitest.Call{Method: "POST", Path: v1 + "/groups", Body: group, Bearer: "-", Header: http.Header{
		"Cookie": {"sipward_session=" + b.cookie}, "X-Csrf-Token": {good}, "Sec-Fetch-Site": {"cross-site"},
	}}).Refused(403, "foreign_origin")
	b.csrf = ""
	groups := b.do("GET", "/groups", nil).Want(200).JSON()["items"].([]any) // reading needs none
	t.Logf("groups made by forged requests: %d / limit 0", len(groups)-1)
	if len(groups) != 1 {
		t.Errorf("got %v", groups)
	}
}

func TestStrangersLockNobodyOut(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	first(t, api)
	stranger := open(t, api, 66)
	wrong := stranger.signIn("ann", "wrong password 1").Refused(401, "unauthorised")
	nobody := stranger.signIn("nobody", "wrong password 1").Refused(401, "unauthorised")
	if wrong.Detail != nobody.Detail || wrong.Title != nobody.Title {
		t.Errorf("the answers differ: %q and %q", wrong.Detail, nobody.Detail)
	}
	for range 4 {
		stranger.signIn("Ann", "wrong password 1").Refused(401, "unauthorised")
	}
	locked := stranger.signIn("ann", phrase) // even the right one waits, from here
	locked.Refused(429, "locked")
	if locked.Header().Get("Retry-After") != "60" {
		t.Errorf("Retry-After %q", locked.Header().Get("Retry-After"))
	}
	open(t, api, 2).signIn("ann", phrase).Want(200) // from elsewhere it lets in
	api.Later(61 * time.Second)
	stranger.signIn("ann", "wrong password 1").Refused(401, "unauthorised")
	if again := stranger.signIn("ann", phrase); again.Code != 429 || again.Header().Get("Retry-After") != "120" {
		t.Errorf("after one more: %d, Retry-After %q", again.Code, again.Header().Get("Retry-After"))
	}
	api.Later(121 * time.Second)
	stranger.signIn("ann", phrase).Want(200)
}

func TestSessionsEndByThemselvesAndByChanges(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	ann := first(t, api)
	made := ann.do("POST", "/operators", map[string]string{"name": "bob", "role": "operator", "password": "another good phrase"}).Want(201)
	id, bob := made.Get("id"), open(t, api, 3)
	if strings.Contains(made.Body.String(), "argon2id") || made.Get("setup_url") != "" {
		t.Errorf("got %s", made.Body)
	}
	in := func() { t.Helper(); bob.signIn("bob", "another good phrase").Want(200) }
	edit := func(body map[string]any) {
		t.Helper()
		tag := ann.do("GET", "/operators/"+id, nil).Want(200).Header().Get("ETag")
		api.Do(apitest.Call{Method: "PATCH", Path: v1 + "/operators/" + id, Body: body, Bearer: "-", Match: tag, From: ann.from,
			Header: http.Header{"Cookie": {"sipward_session=" + ann.cookie}, "X-Csrf-Token": {ann.csrf}}}).Want(200)
	}
	in()
	bob.do("GET", "/operators", nil).Refused(403, "forbidden")
	edit(map[string]any{"full_name": "Bob B."})
	bob.do("GET", "/session", nil).Want(200)
	edit(map[string]any{"role": "auditor"})
	bob.do("GET", "/session", nil).Refused(401, "unauthorised")
	in()
	edit(map[string]any{"disabled": true})
	bob.do("GET", "/session", nil).Refused(401, "unauthorised")
	bob.signIn("bob", "another good phrase").Refused(401, "unauthorised")
	edit(map[string]any{"disabled": false})
	in()
	ann.do("POST", "/operators/"+id+"/end-sessions", nil).Want(204)
	bob.do("GET", "/session", nil).Refused(401, "unauthorised")
	in()
	bob.do("POST", "/session/password", map[string]string{"current": "another good phrase", "new": "a third and better phrase"}).Want(204)
	bob.do("GET", "/session", nil).Want(200)
	bob.signIn("bob", "another good phrase").Refused(401, "unauthorised")
	ann.do("POST", "/operators/"+id+"/setup-link", nil).Want(201)
}

func TestTheLastSuperadminStays(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	root := api.Token(account.Superadmin)
	first(t, api)
	list := api.Do(apitest.Call{Method: "GET", Path: v1 + "/operators", Bearer: root}).Want(200)
	id := list.JSON()["items"].([]any)[0].(map[string]any)["id"].(string)
	one := apitest.Call{Method: "PATCH", Path: v1 + "/operators/" + id, Match: "*", Bearer: root}
	for _, body := range []map[string]any{{"role": "admin"}, {"disabled": true}} {
		one.Body = body
		api.Do(one).Refused(409, "last_superadmin")
	}
	del := apitest.Call{Method: "DELETE", Path: one.Path, Match: "*", Bearer: root}
	api.Do(del).Refused(409, "last_superadmin")
	// an invited one counts once there is a password
	made := api.Do(apitest.Call{Method: "POST", Path: v1 + "/operators", Body: map[string]string{"name": "eve", "role": "superadmin"}, Bearer: root}).Want(201)
	api.Do(del).Refused(409, "last_superadmin")
	eve := open(t, api, 7)
	if look := eve.do("POST", "/setup/look", map[string]string{"token": tokenOf(made.Get("setup_url"))}).Want(200); look.Get("name") != "eve" {
		t.Errorf("got %s", look.Body)
	}
	eve.do("POST", "/setup", map[string]string{"token": tokenOf(made.Get("setup_url")), "password": "eves own long phrase"}).Want(200)
	eve.do("POST", "/setup", map[string]string{"token": tokenOf(made.Get("setup_url")), "password": "eves own long phrase"}).Refused(410, "gone")
	api.Do(del).Want(204)
	api.Do(apitest.Call{Method: "GET", Path: v1 + "/groups"}).Refused(401, "unauthorised") // the bootstrap token stays dead
}

func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	c, err := hotp.GenerateCode(secret, uint64(at.Unix()/30))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheSecondFactor(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	b := first(t, api)
	b.do("POST", "/session/totp", map[string]string{"password": "wrong"}).Refused(400, "invalid")
	made := b.do("POST", "/session/totp", map[string]string{"password": phrase}).Want(201)
	secret := made.Get("secret")
	if raw, err := base32.StdEncoding.DecodeString(secret); err != nil || len(raw) != 20 || !strings.HasPrefix(made.Get("qr_svg"), "<svg") || !strings.HasPrefix(made.Get("url"), "otpauth://totp/") {
		t.Fatalf("got %s", made.Body)
	}
	b.do("POST", "/session/totp/confirm", map[string]string{"code": "000000x"}).Refused(400, "invalid")
	open(t, api, 1).signIn("ann", phrase).Want(200) // not confirmed: not asked
	b = open(t, api, 2)
	b.signIn("ann", phrase).Want(200)
	now := time.Now()
	recovery := b.do("POST", "/session/totp/confirm", map[string]string{"code": code(t, secret, now)}).Want(200).JSON()["recovery_codes"].([]any)
	b.do("POST", "/session/totp", map[string]string{"password": phrase}).Refused(409, "factor_there")

	c := open(t, api, 3)
	ask := func(code string) apitest.Answer {
		t.Helper()
		ticket := c.do("POST", "/session", map[string]string{"name": "ann", "password": phrase}).Want(202).Get("ticket")
		c.cookie = ""
		open(t, api, 4).do("POST", "/session/code", map[string]string{"ticket": ticket, "code": code}).Refused(401, "unauthorised") // another address
		return c.do("POST", "/session/code", map[string]string{"ticket": ticket, "code": code})
	}
	ask(code(t, secret, now)).Refused(401, "unauthorised") // used already
	api.Later(31 * time.Second)
	next := code(t, secret, now.Add(31*time.Second))
	ask(next).Want(200)
	ask(next).Refused(401, "unauthorised")
	ask(recovery[0].(string)).Want(200)
	ask(recovery[0].(string)).Refused(401, "unauthorised")
	ask(strings.ToUpper(recovery[1].(string))).Want(200)
	if left := c.do("GET", "/session", nil).Want(200).JSON()["operator"].(map[string]any)["recovery_codes_left"]; left != 8.0 {
		t.Errorf("%v recovery codes left", left)
	}
	old := c.do("POST", "/session", map[string]string{"name": "ann", "password": phrase}).Want(202).Get("ticket")
	api.Later(6 * time.Minute)
	c.do("POST", "/session/code", map[string]string{"ticket": old, "code": recovery[2].(string)}).Refused(401, "unauthorised")
	ask(recovery[3].(string)).Want(200)
	c.csrf = c.do("GET", "/session", nil).Want(200).Get("csrf_token")
	c.do("POST", "/session/totp/remove", map[string]string{"password": phrase}).Want(204)
	open(t, api, 9).signIn("ann", phrase).Want(200)
	if strings.Contains(api.Log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

func TestATokenHasNoSession(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	token := api.Token(account.Auditor)
	if who := api.Do(apitest.Call{Method: "GET", Path: v1 + "/session", Bearer: token}).Want(200); who.Get("kind") != "token" || who.Get("role") != "auditor" {
		t.Errorf("got %s", who.Body)
	}
	if who := api.Do(apitest.Call{Method: "GET", Path: v1 + "/session"}).Want(200); who.Get("kind") != "bootstrap" {
		t.Errorf("got %s", who.Body)
	}
	api.Do(apitest.Call{Method: "DELETE", Path: v1 + "/session", Bearer: token}).Refused(409, "no_session")
}

// P5, P11: over TLS the cookie is __Host- and Secure; only a listed proxy can say that it was TLS.
func TestTheCookieOverTLS(t *testing.T) {
	t.Parallel()
	api := apitest.OpenWith(t, web.Config{TrustedProxies: []string{"203.0.113.5"}})
	first(t, api)
	ask := func(from string) *http.Cookie {
		t.Helper()
		return api.Do(apitest.Call{Method: "POST", Path: v1 + "/session", Body: map[string]string{"name": "ann", "password": phrase}, Bearer: "-",
			From: from, Header: http.Header{"X-Forwarded-Proto": {"https"}}}).Want(200).Result().Cookies()[0]
	}
	if c := ask("203.0.113.5"); c.Name != "__Host-sipward" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("got %+v", c)
	}
	if c := ask("203.0.113.6"); c.Name != "sipward_session" || c.Secure {
		t.Errorf("a stranger is believed: %+v", c)
	}
}
