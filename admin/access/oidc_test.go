package access_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"sipward/admin/access"
	"sipward/internal/account"
	"sipward/internal/apitest"
)

// idp is a provider of OpenID Connect that believes whoever comes.
type idp struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu     sync.Mutex
	claims map[string]any // of the next ID token
	nonce  string
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if r.FormValue("code") != "good" || r.FormValue("code_verifier") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
		if err != nil {
			t.Error(err)
			return
		}
		all := map[string]any{"iss": p.URL, "aud": "sipward", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "nonce": p.nonce}
		for k, v := range p.claims {
			all[k] = v
		}
		token, err := jwt.Signed(signer).Claims(all).Serialize()
		if err != nil {
			t.Error(err)
			return
		}
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": token})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// visit goes to the provider and comes back; change spoils what comes back.
func (p *idp) visit(t *testing.T, b *browser, claims map[string]any, change func(url.Values)) apitest.Answer {
	t.Helper()
	away := b.api.Do(apitest.Call{Method: "GET", Path: v1 + "/session/oidc", Bearer: "-", From: b.from}).Want(302)
	to, err := url.Parse(away.Header().Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), p.URL+"/auth?") || to.Query().Get("code_challenge_method") != "S256" || to.Query().Get("redirect_uri") != "https://admin.example/api/v1/session/oidc/callback" {
		t.Fatalf("sent to %v", to)
	}
	p.mu.Lock()
	p.claims, p.nonce = claims, to.Query().Get("nonce")
	p.mu.Unlock()
	back := url.Values{"code": {"good"}, "state": {to.Query().Get("state")}}
	if change != nil {
		change(back)
	}
	cookie := away.Result().Cookies()[0]
	if cookie.SameSite != http.SameSiteLaxMode || !cookie.HttpOnly {
		t.Errorf("cookie %+v", cookie)
	}
	a := b.api.Do(apitest.Call{Method: "GET", Path: v1 + "/session/oidc/callback?" + back.Encode(), Bearer: "-", From: b.from, Header: http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}, "Sec-Fetch-Site": {"cross-site"}}})
	for _, c := range a.Result().Cookies() {
		if c.Name == "sipward_session" {
			b.cookie = c.Value
		}
	}
	return a
}

func TestSingleSignOn(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	api := apitest.OpenSSO(t, access.SSO{Issuer: p.URL, ClientID: "sipward", Secret: "s3cret", Client: client, Roles: map[string]account.Role{"voice": account.Operator, "voice-admins": account.Admin}})
	first(t, api)
	ann := map[string]any{"sub": "7", "preferred_username": "Ann", "name": "Ann of the IdP", "email": "ann@example.org", "groups": []string{"staff", "voice", "voice-admins"}}
	b := open(t, api, 1)
	p.visit(t, b, ann, nil).Want(200)
	who := b.do("GET", "/session", nil).Want(200)
	if who.Get("role") != "admin" || !strings.HasPrefix(who.Get("name"), "ann-") || who.Get("method") != "oidc" {
		t.Errorf("got %s", who.Body) // the local ann is another person
	}
	ann["groups"] = []string{"voice"}
	p.visit(t, b, ann, nil).Want(200)
	if again := b.do("GET", "/session", nil).Want(200); again.Get("role") != "operator" || again.Get("name") != who.Get("name") {
		t.Errorf("after the groups changed: %s", again.Body)
	}
	ann["groups"] = []string{"staff"}
	p.visit(t, b, ann, nil).Refused(403, "no_role")
	ann["groups"] = []string{"voice"}
	for name, spoil := range map[string]func(url.Values){
		"state": func(q url.Values) { q.Set("state", "x") }, "code": func(q url.Values) { q.Set("code", "bad") }, "no code": func(q url.Values) { q.Del("code") },
	} {
		if a := p.visit(t, open(t, api, 2), ann, spoil); a.Code != 401 {
			t.Errorf("%s: %d", name, a.Code)
		}
	}
	for name, claims := range map[string]map[string]any{
		"nonce": {"sub": "7", "nonce": "x"}, "audience": {"sub": "7", "aud": "other"}, "expired": {"sub": "7", "exp": time.Now().Add(-time.Hour).Unix()}, "issuer": {"sub": "7", "iss": "https://evil.example"},
	} {
		if a := p.visit(t, open(t, api, 3), claims, nil); a.Code != 401 {
			t.Errorf("%s: %d", name, a.Code)
		}
	}
	if strings.Contains(api.Log.String(), "s3cret") {
		t.Error("the client's secret is in the log")
	}
	if none := apitest.Open(t).Do(apitest.Call{Method: "GET", Path: v1 + "/session/oidc", Bearer: "-"}); none.Code != 404 {
		t.Errorf("without a provider: %d", none.Code)
	}
}
