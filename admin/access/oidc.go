package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/web"
)

// SSO is single sign-on by OpenID Connect, with PKCE (RFC 7636); an empty Issuer is off.
type SSO struct {
	Issuer, ClientID string
	Secret           account.Secret
	Claim            string                  // that names the groups; empty: groups
	Roles            map[string]account.Role // by group; of several the highest counts
	Client           *http.Client            // that asks the provider
}

const (
	ssoCookie = "sipward_sso" // holds a sealed [ssoState] while the browser is away
	ssoPath   = "/api/v1/session/oidc"
	ssoLife   = 10 * time.Minute
	ssoUse    = "single sign-on"
)

// ssoState binds the provider's answer to the browser that was sent there.
type ssoState struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Until    time.Time `json:"until"`
}

// provider is asked for its description once, when somebody first signs in.
type provider struct {
	mu    sync.Mutex
	known *oidc.Provider
}

func (a *API) provider(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	s := a.config.SSO
	a.sso.mu.Lock()
	defer a.sso.mu.Unlock()
	if a.sso.known == nil {
		// the provider keeps the context for later requests: it must outlive this one
		p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.Client), s.Issuer)
		if err != nil {
			return nil, nil, web.Unavailable("the provider of single sign-on does not answer: sign in with a password, or try again", err)
		}
		a.sso.known = p
	}
	return a.sso.known, &oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.Secret.Reveal(), Endpoint: a.sso.known.Endpoint(), RedirectURL: a.config.URL + ssoPath + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", "groups"},
	}, nil
}

// beginSSO sends the browser to the provider.
func (a *API) beginSSO(c *gin.Context) error {
	if a.config.SSO.Issuer == "" {
		return web.NotFound("single sign-on here: set admin.oidc_issuer")
	}
	_, conf, err := a.provider(c.Request.Context())
	if err != nil {
		return err
	}
	st := ssoState{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Until: a.Now().Add(ssoLife)}
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	a.keepSSO(c, hex.EncodeToString(a.Ring.Seal(ssoUse, b)), int(ssoLife.Seconds()))
	c.Redirect(http.StatusFound, conf.AuthCodeURL(st.State, oidc.Nonce(st.Nonce), oauth2.S256ChallengeOption(st.Verifier)))
	return nil
}

// keepSSO sets the cookie; it must come back from a page of the provider, so it is Lax.
func (a *API) keepSSO(c *gin.Context, value string, age int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: ssoCookie, Value: value, Path: ssoPath, MaxAge: age, HttpOnly: true, Secure: web.Secure(c), SameSite: http.SameSiteLaxMode,
	})
}

// ssoClaims is what an ID token must tell.
type ssoClaims struct {
	Name   string
	Full   string
	Email  string
	Groups []string
}

// finishSSO takes the provider's answer and signs in.
func (a *API) finishSSO(c *gin.Context) error {
	if a.config.SSO.Issuer == "" {
		return web.NotFound("single sign-on here: set admin.oidc_issuer")
	}
	again := web.Unauthorised("single sign-on was not finished here, or took too long: begin again")
	st, err := a.ssoState(c)
	if err != nil {
		return again
	}
	a.keepSSO(c, "", -1)
	try := newAttempt(c, "", "oidc")
	subject, claims, err := a.exchange(c, st)
	if err != nil {
		a.Log.WarnContext(c.Request.Context(), "single sign-on failed", "err", err)
		if err := a.note(c, try, "", operator.Failure); err != nil {
			return err
		}
		return again
	}
	try.name = clean(claims.Name, 64)
	role := a.config.SSO.role(claims.Groups)
	if role == "" {
		if err := a.note(c, try, "", operator.Failure); err != nil {
			return err
		}
		return web.Refusal(http.StatusForbidden, "no_role", "You have no role here", "none of your groups has a role in admin.oidc_groups: ask whoever runs this server")
	}
	o, err := a.ssoOperator(c.Request.Context(), subject, claims, role)
	if err != nil {
		return err
	}
	try.name = o.Name
	err = a.startWith(c, try, o, func(now *operator.Operator) error {
		now.Role = role
		return nil
	}, func(operator.Operator, operator.Session) {
		// the cookie is SameSite=Strict, which a redirect from the provider would not bring: our own page goes on
		c.Header("Refresh", "0; url=/")
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(`<!doctype html><title>sipward</title><a href="/">/</a>`))
	})
	return lastOne(err)
}

func (a *API) ssoState(c *gin.Context) (st ssoState, err error) {
	text, err := c.Cookie(ssoCookie)
	if err != nil {
		return st, err
	}
	box, err := hex.DecodeString(text)
	if err != nil {
		return st, err
	}
	plain, err := a.Ring.Open(ssoUse, box)
	if err != nil {
		return st, err
	}
	if err := json.Unmarshal(plain, &st); err != nil {
		return st, err
	}
	if !a.Now().Before(st.Until) || c.Query("state") != st.State || c.Query("code") == "" {
		return st, errRefused
	}
	return st, nil
}

// exchange turns the code into who it is.
func (a *API) exchange(c *gin.Context, st ssoState) (subject string, claims ssoClaims, err error) {
	p, conf, err := a.provider(c.Request.Context())
	if err != nil {
		return "", claims, err
	}
	ctx := oidc.ClientContext(c.Request.Context(), a.config.SSO.Client)
	token, err := conf.Exchange(ctx, c.Query("code"), oauth2.VerifierOption(st.Verifier))
	if err != nil {
		return "", claims, err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: conf.ClientID, Now: a.Now}).Verify(ctx, raw)
	if err != nil {
		return "", claims, err
	}
	if id.Nonce != st.Nonce {
		return "", claims, errors.New("the ID token is for another sign-in")
	}
	var all map[string]any
	if err := id.Claims(&all); err != nil {
		return "", claims, err
	}
	word := func(name string) string { s, _ := all[name].(string); return s }
	claims = ssoClaims{Name: word("preferred_username"), Full: clean(word("name"), 100), Email: clean(word("email"), 200)}
	if claims.Name == "" {
		claims.Name = claims.Email
	}
	claim := a.config.SSO.Claim
	if claim == "" {
		claim = "groups"
	}
	if list, ok := all[claim].([]any); ok {
		for _, g := range list {
			if s, ok := g.(string); ok {
				claims.Groups = append(claims.Groups, s)
			}
		}
	}
	return id.Issuer + "#" + id.Subject, claims, nil
}

// role is the highest of the groups'; "" when none has one.
func (s SSO) role(groups []string) (role account.Role) {
	for _, g := range groups {
		if r := s.Roles[g]; r != "" && (role == "" || web.Includes(r, role)) {
			role = r
		}
	}
	return role
}

// ssoOperator finds who comes, or makes the operator on the first visit.
func (a *API) ssoOperator(ctx context.Context, subject string, claims ssoClaims, role account.Role) (operator.Operator, error) {
	o, err := a.Operators.BySubject(ctx, subject)
	if !errors.Is(err, account.ErrNotFound) {
		return o, err
	}
	sum := sha256.Sum256([]byte(subject))
	mark := hex.EncodeToString(sum[:4])
	name, err := operator.ParseName(claims.Name)
	if err != nil {
		name = "sso-" + mark
	}
	o = operator.Operator{ID: operator.NewID(), Name: name, FullName: claims.Full, Role: role, Subject: subject, By: "oidc"}
	if strings.Contains(claims.Email, "@") {
		o.Email = claims.Email
	}
	made, err := a.Operators.Create(ctx, o)
	var taken *account.TakenError
	if errors.As(err, &taken) && taken.Field == "name" { // somebody else's: nobody becomes another by a name
		o.Name = name[:min(len(name), 50)] + "-" + mark
		made, err = a.Operators.Create(ctx, o)
	}
	return made, err
}
