package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/web"
)

// Licences is the licence proxy as operators see it; the product "" is the first of the configuration.
type Licences interface {
	View(ctx context.Context, a account.Account, product string) (licence.View, error)
	Refresh(ctx context.Context, a account.Account, product string) (licence.View, error)
	Import(ctx context.Context, a account.Account, product string, document []byte) (licence.View, error)
	Expiring(ctx context.Context) ([]licence.Expiring, error)
}

// maxLicence is the largest request with a document in it, in bytes.
const maxLicence = licence.MaxSize + 4<<10

func (a *API) licenceRoutes() []web.Route {
	const one = "/api/v1/accounts/:id/licence"
	return []web.Route{
		{Method: http.MethodGet, Path: one, Role: account.Auditor, Handle: a.showLicence},
		{Method: http.MethodPost, Path: one + "/refresh", Role: account.Operator, Handle: a.refreshLicence},
		{Method: http.MethodPost, Path: one + "/import", Role: account.Operator, MaxBody: maxLicence, Handle: a.importLicence},
		{Method: http.MethodGet, Path: "/api/v1/licences/expiring", Role: account.Auditor, Handle: a.expiringLicences},
	}
}

// licenceShown is a licence in an account's details.
type licenceShown struct {
	Account   account.ID     `json:"account_id"`
	Source    licence.Source `json:"source"`
	State     licence.State  `json:"state"`
	Document  *documentShown `json:"document"`
	Confirmed *time.Time     `json:"confirmed_at"`
	Age       *int64         `json:"age_seconds"` // since the vendor last gave or confirmed it
	Imported  bool           `json:"imported"`
	Refused   bool           `json:"refused"`
	Vendor    *string        `json:"vendor"`
	Warning   *string        `json:"warning"`
}

type documentShown struct {
	Product   string    `json:"product"`
	Edition   string    `json:"edition"`
	Features  []string  `json:"features"`
	Serial    uint64    `json:"serial"`
	Issued    time.Time `json:"issued_at"`
	NotBefore time.Time `json:"not_before"`
	Expires   time.Time `json:"expires_at"`
}

func (a *API) showLicence(c *gin.Context) error {
	return a.onLicence(c, func(ctx context.Context, acc account.Account) (licence.View, error) {
		return a.Licences.View(ctx, acc, c.Query("product"))
	})
}

func (a *API) refreshLicence(c *gin.Context) error {
	return a.onLicence(c, func(ctx context.Context, acc account.Account) (licence.View, error) {
		return a.Licences.Refresh(ctx, acc, c.Query("product"))
	})
}

type importBody struct {
	Document string `json:"document"`
}

func (a *API) importLicence(c *gin.Context) error {
	var b importBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	return a.onLicence(c, func(ctx context.Context, acc account.Account) (licence.View, error) {
		return a.Licences.Import(ctx, acc, c.Query("product"), []byte(b.Document))
	})
}

// onLicence finds the account, does something about its licence, and shows what came of it.
func (a *API) onLicence(c *gin.Context, do func(context.Context, account.Account) (licence.View, error)) error {
	id := account.ID(c.Param("id"))
	if !id.Valid() {
		return account.ErrNotFound
	}
	acc, err := a.Accounts.ByID(c.Request.Context(), id)
	if err != nil {
		return err
	}
	v, err := do(c.Request.Context(), acc)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, a.licence(id, v))
	return nil
}

func (a *API) licence(id account.ID, v licence.View) licenceShown {
	s := licenceShown{Account: id, Source: v.Source, State: v.State, Imported: v.Imported, Refused: v.Refused}
	if s.State == "" {
		s.State = licence.Ended
	}
	if v.Vendor != "" {
		s.Vendor = &v.Vendor
	}
	if v.Document == nil {
		return s
	}
	d, now := v.Document, a.Now()
	age := int64(now.Sub(v.Confirmed).Seconds())
	s.Confirmed, s.Age = &v.Confirmed, &age
	s.Document = &documentShown{Product: d.Product, Edition: d.Edition, Features: append([]string{}, d.Features...), Serial: d.Serial,
		Issued: d.Issued, NotBefore: d.NotBefore, Expires: d.Expires}
	if w := warning(v, now); w != "" {
		s.Warning = &w
	}
	return s
}

// warning is what an operator should do something about.
func warning(v licence.View, now time.Time) string {
	switch {
	case !now.Before(v.Document.Expires):
		return "it has expired: renew it with the vendor, then refresh"
	case v.State == licence.Ended:
		return "it is no longer served, the vendor has not confirmed it for too long: see the log, or import a document"
	case v.State == licence.Grace:
		return "the vendor does not answer: it is served for the time of licence.grace only"
	case v.Document.Expires.Sub(now) < licence.WarnTime:
		return "it expires within 14 days: renew it with the vendor"
	}
	return ""
}

type expiringShown struct {
	Account account.ID `json:"account_id"`
	Expires time.Time  `json:"expires_at"`
}

// expiringLicences lists what ends within 14 days or has ended, the first end first.
func (a *API) expiringLicences(c *gin.Context) error {
	if _, _, _, err := web.Query(c, a.Cursors); err != nil {
		return err
	}
	found, err := a.Licences.Expiring(c.Request.Context())
	if err != nil {
		return err
	}
	list := web.List[expiringShown]{Items: make([]expiringShown, 0, len(found))}
	for _, e := range found {
		list.Items = append(list.Items, expiringShown{Account: e.Account, Expires: e.Expires})
	}
	c.JSON(http.StatusOK, list)
	return nil
}
