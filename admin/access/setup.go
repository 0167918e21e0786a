package access

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/audit"
	"sipward/internal/operator"
	"sipward/internal/password"
	"sipward/internal/web"
)

// FirstLink makes the link by which the first operator is made; "" when there is one already. Every node that starts
// makes its own, and all die with the first operator.
func (a *API) FirstLink(ctx context.Context) (link string, err error) {
	if exist, err := a.Operators.Exist(ctx); err != nil || exist {
		return "", err
	}
	link, _, err = a.offerLink(ctx, "")
	return link, err
}

func (a *API) offerLink(ctx context.Context, operatorID string) (link string, until time.Time, err error) {
	s, token := operator.NewSetup(operatorID, a.Now().UTC().Add(a.config.LinkLife))
	if err := a.Operators.Offer(ctx, s); err != nil {
		return "", until, err
	}
	return a.config.URL + "/setup/" + token.Reveal(), s.Expires, nil
}

type setupBody struct {
	Token    web.Opt[string] `json:"token"`
	Name     web.Opt[string] `json:"name"`
	FullName web.Opt[string] `json:"full_name"`
	Email    web.Opt[string] `json:"email"`
	Password web.Opt[string] `json:"password"`
}

type tokenOnly struct {
	Token web.Opt[string] `json:"token"`
}

// errGone is a link that was used, has run out, or never was: one answer, so that nothing can be learnt.
func errGone() error {
	return web.Refusal(http.StatusGone, "gone", "This link is over", "the set-up link was used, has run out or is mistyped: ask a superadmin for another (on a new server: start it again)")
}

// lookSetup tells what a link is for and uses nothing up.
func (a *API) lookSetup(c *gin.Context) error {
	var b tokenOnly
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	ctx := c.Request.Context()
	s, err := a.Operators.Setup(ctx, operator.HashOf(b.Token.Value))
	if errors.Is(err, account.ErrNotFound) {
		return errGone()
	}
	if err != nil {
		return err
	}
	view := map[string]any{"kind": "first", "name": nil, "expires_at": s.Expires.UTC()}
	if s.Operator != "" {
		o, err := a.Operators.ByID(ctx, s.Operator)
		if errors.Is(err, account.ErrNotFound) {
			return errGone()
		}
		if err != nil {
			return err
		}
		view["kind"], view["name"] = "operator", o.Name
	}
	c.JSON(http.StatusOK, view)
	return nil
}

// redeemSetup sets the first password, makes the first operator when the link is for that, and signs in.
func (a *API) redeemSetup(c *gin.Context) error {
	var b setupBody
	if err := web.SameOrigin(c); err != nil {
		return err
	}
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	hash := operator.HashOf(b.Token.Value)
	s, err := a.Operators.Setup(c.Request.Context(), hash)
	if errors.Is(err, account.ErrNotFound) {
		return errGone()
	}
	if err != nil {
		return err
	}
	web.ActAs(c, audit.Act{By: "setup"})
	leave, ok := a.crowd.enter(c.ClientIP())
	if !ok {
		return web.TooMany(time.Second)
	}
	defer leave()
	var o operator.Operator
	if s.Operator == "" {
		o, err = a.first(c, hash, b)
	} else {
		o, err = a.renew(c, hash, s.Operator, b)
	}
	if errors.Is(err, account.ErrNotFound) {
		return errGone()
	}
	if err != nil {
		return err
	}
	try := newAttempt(c, o.Name, "setup")
	if err := a.note(c, try, o.ID, operator.SetUp); err != nil {
		return err
	}
	if o.Guarded() {
		return a.askCode(c, o) // a link renews the password alone
	}
	return a.start(c, try, o, func(*operator.Operator) error { return nil })
}

// first makes the first operator, a superadmin.
func (a *API) first(c *gin.Context, hash string, b setupBody) (o operator.Operator, err error) {
	var f web.Faults
	if o.Name, err = operator.ParseName(b.Name.Value); err != nil {
		f.Add("/name", "name", err.Error())
	}
	if err := password.Judge(b.Password.Value, o.Name); err != nil {
		f.Add("/password", "password", err.Error())
	}
	if err := f.Err(); err != nil {
		return o, err
	}
	o.ID, o.Role, o.By = operator.NewID(), account.Superadmin, "setup"
	o.FullName, o.Email = strings.TrimSpace(b.FullName.Value), strings.TrimSpace(b.Email.Value)
	if err := checkFields(o); err != nil {
		return o, err
	}
	if o.Password, err = a.Passwords.Hash(c.Request.Context(), b.Password.Value); err != nil {
		return o, err
	}
	return a.Operators.First(c.Request.Context(), hash, o)
}

// renew sets the password of the operator the link is for; the sessions so far end.
func (a *API) renew(c *gin.Context, hash, id string, b setupBody) (operator.Operator, error) {
	ctx := c.Request.Context()
	o, err := a.Operators.ByID(ctx, id)
	if err != nil {
		return o, err
	}
	if err := judge("/password", b.Password.Value, o.Name); err != nil {
		return o, err
	}
	phc, err := a.Passwords.Hash(ctx, b.Password.Value)
	if err != nil {
		return o, err
	}
	return a.Operators.Redeem(ctx, hash, func(o *operator.Operator) error {
		if o.Disabled {
			return account.ErrNotFound
		}
		o.Password, o.Sessions = phc, nil
		if b.FullName.Set {
			o.FullName = strings.TrimSpace(b.FullName.Value)
		}
		return checkFields(*o)
	})
}
