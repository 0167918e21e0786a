package provisioning

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sipward/internal/account"
	"sipward/internal/seal"
	"sipward/internal/web"
)

// Accounts is what this package needs of the repository of accounts.
type Accounts interface {
	Create(ctx context.Context, a account.Account) (account.Account, error)
	ByID(ctx context.Context, id account.ID) (account.Account, error)
	ByUser(ctx context.Context, user string) (account.Account, error)
	ByNumber(ctx context.Context, n account.Number) (account.Account, error)
	Update(ctx context.Context, id account.ID, f func(*account.Account) error) (account.Account, error)
	Delete(ctx context.Context, id account.ID, version uint64) error
	List(ctx context.Context, f account.Filter, cursor string, limit int) (account.Page[account.Account], error)
}

// Groups is what this package needs of the repository of groups.
type Groups interface {
	Create(ctx context.Context, g account.Group) (account.Group, error)
	ByID(ctx context.Context, id account.GroupID) (account.Group, error)
	Update(ctx context.Context, id account.GroupID, f func(*account.Group) error) (account.Group, error)
	Delete(ctx context.Context, id account.GroupID, version uint64) error
	List(ctx context.Context) ([]account.Group, error)
}

// Config is the section of the configuration that matters here.
type Config struct {
	Realm string // the SIP domain, under which passwords are hashed
}

// Deps is what the API needs.
type Deps struct {
	Accounts Accounts
	Groups   Groups
	Ring     *seal.Ring // seals SIP credentials; the same keys as the registrar's
	Cursors  *web.Cursors
	Now      func() time.Time
}

// API is the operators' side of provisioning.
type API struct {
	realm string
	Deps
}

// New checks that nothing is missing.
func New(c Config, d Deps) (*API, error) {
	if c.Realm == "" || d.Accounts == nil || d.Groups == nil || d.Ring == nil || d.Cursors == nil || d.Now == nil {
		return nil, errors.New("provisioning: realm, accounts, groups, ring, cursors and clock are all needed")
	}
	return &API{realm: c.Realm, Deps: d}, nil
}

// Routes is the table of the operators' listener.
func (a *API) Routes() []web.Route {
	const v1 = "/api/v1"
	return []web.Route{
		{Method: http.MethodGet, Path: v1 + "/groups", Role: account.Auditor, Handle: a.listGroups},
		{Method: http.MethodPost, Path: v1 + "/groups", Role: account.Admin, Handle: a.createGroup},
		{Method: http.MethodGet, Path: v1 + "/groups/:id", Role: account.Auditor, Handle: a.showGroup},
		{Method: http.MethodPatch, Path: v1 + "/groups/:id", Role: account.Admin, Handle: a.editGroup},
		{Method: http.MethodDelete, Path: v1 + "/groups/:id", Role: account.Admin, Handle: a.deleteGroup},
		{Method: http.MethodGet, Path: v1 + "/accounts", Role: account.Auditor, Handle: a.listAccounts},
		{Method: http.MethodPost, Path: v1 + "/accounts", Role: account.Operator, Handle: a.createAccount},
		{Method: http.MethodGet, Path: v1 + "/accounts/:id", Role: account.Auditor, Handle: a.showAccount},
		{Method: http.MethodPatch, Path: v1 + "/accounts/:id", Role: account.Operator, Handle: a.editAccount},
		{Method: http.MethodDelete, Path: v1 + "/accounts/:id", Role: account.Operator, Handle: a.deleteAccount},
	}
}
