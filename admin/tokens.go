package admin

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

const maxTokenName = 100 // characters

// tokenVersion: a token never changes, so it has one version.
const tokenVersion = 1

type tokenBody struct {
	Name    web.Opt[string]    `json:"name"`
	Role    web.Opt[string]    `json:"role"`
	Expires web.Opt[time.Time] `json:"expires_at"`

	Scopes   web.Opt[[]string] `json:"scopes"`
	Networks web.Opt[[]string] `json:"networks"`
}

// tokenView is a token as the API shows it: never its hash; Token only in the answer that made it.
type tokenView struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Role    account.Role `json:"role"`
	Created time.Time    `json:"created_at"`
	By      string       `json:"created_by"`
	Expires *time.Time   `json:"expires_at"` // null: never
	Token   string       `json:"token,omitempty"`

	Scopes   []string `json:"scopes"`
	Networks []string `json:"networks"`
}

func viewToken(t account.Token) tokenView {
	v := tokenView{ID: t.ID, Name: t.Name, Role: t.Role, Created: t.Created.UTC(), By: t.By, Scopes: t.Scopes, Networks: t.Networks}
	if v.Scopes == nil {
		v.Scopes = []string{}
	}
	if v.Networks == nil {
		v.Networks = []string{}
	}
	if !t.Expires.IsZero() {
		until := t.Expires.UTC()
		v.Expires = &until
	}
	return v
}

// tokens are the tokens as the API serves them.
func (a *API) tokens() web.Resource[account.Token] {
	return web.Resource[account.Token]{
		Path: "/api/v1/tokens", Find: a.token, All: a.Tokens.List,
		Key:  func(t account.Token) (string, uint64) { return t.ID, tokenVersion },
		View: func(t account.Token) any { return viewToken(t) },
		Drop: func(ctx context.Context, t account.Token, _ uint64) error { return a.Tokens.Delete(ctx, t.ID) },
	}
}

func (a *API) createToken(c *gin.Context, b tokenBody) (account.Token, any, error) {
	now := a.Now().UTC()
	id, shown, hash := web.NewToken()
	t := account.Token{
		ID: id, Name: strings.TrimSpace(b.Name.Value), Role: account.Role(b.Role.Value), Hash: hash[:],
		Created: now, Expires: b.Expires.Value, By: web.Who(c).Label(),
		Scopes: b.Scopes.Value, Networks: b.Networks.Value,
	}
	if err := checkToken(t, now); err != nil {
		return t, nil, err
	}
	t, err := a.Tokens.Create(c.Request.Context(), t)
	view := viewToken(t)
	view.Token = shown.Reveal() // this once; what is kept is the hash of its secret
	return t, view, err
}

func checkToken(t account.Token, now time.Time) error {
	var f web.Faults
	if t.Name == "" {
		f.Add("/name", "required", "is missing: say what the token is for")
	} else if err := account.CheckText(t.Name, maxTokenName); err != nil {
		f.Add("/name", "text", err.Error())
	}
	if !web.Known(t.Role) && t.Role != account.Scoped {
		f.Add("/role", "choice", "must be one of superadmin, admin, operator, auditor, api")
	}
	if (t.Role == account.Scoped) != (len(t.Scopes) > 0) {
		f.Add("/scopes", "required", "go with the role api, and with it alone: one at least")
	}
	for _, s := range t.Scopes {
		if !slices.Contains(web.Scopes(), s) {
			f.Add("/scopes", "choice", "must be of "+strings.Join(web.Scopes(), ", "))
			break
		}
	}
	for _, n := range t.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			f.Add("/networks", "network", "must be networks, for example 192.0.2.0/24 or 2001:db8::/32")
			break
		}
	}
	if !t.Expires.IsZero() && !t.Expires.After(now) {
		f.Add("/expires_at", "past", "must be in the future (leave it out for a token without end)")
	}
	return f.Err()
}

// token looks through the few tokens there are.
func (a *API) token(c *gin.Context) (account.Token, error) {
	tokens, err := a.Tokens.List(c.Request.Context())
	if err != nil {
		return account.Token{}, err
	}
	for _, t := range tokens {
		if t.ID == c.Param("id") {
			return t, nil
		}
	}
	return account.Token{}, web.NotFound("token: list them with GET /api/v1/tokens")
}
