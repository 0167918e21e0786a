package provisioning

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

func (a *API) editAccount(c *gin.Context) error {
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	var b accountBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	id := account.ID(c.Param("id"))
	if !id.Valid() {
		return account.ErrNotFound
	}
	e := edit{api: a, body: b, match: match}
	if err := e.prepare(c); err != nil {
		return err
	}
	acc, err := a.Accounts.Update(c.Request.Context(), id, e.apply)
	if err != nil {
		return err
	}
	view := web.NewAccount(acc)
	view.Change = web.ChangeID(acc.ID, acc.Version)
	if b.Password.Null {
		view.Password = e.secret.Reveal() // this once; what is kept are sealed hashes
	}
	return web.Changed(c, http.StatusOK, web.Tag(acc.Version), view)
}

// edit is one PATCH. What needs the store or chance is done once, by prepare; apply may run more than once.
type edit struct {
	api    *API
	body   accountBody
	match  web.Match
	faults web.Faults // of what does not depend on the account
	secret account.Secret
}

func (e *edit) prepare(c *gin.Context) error {
	if e.body.Way.Set {
		e.faults.Add("/way", "read_only", "says how the account was made and cannot be changed: leave it out")
	}
	if e.body.Password.Null {
		e.secret = account.NewSecret()
	}
	if err := e.api.knows(c.Request.Context(), &e.faults, account.ProfileID(e.body.Profile.Value)); err != nil {
		return err
	}
	if !e.body.Group.Set {
		return nil
	}
	var probe account.Account
	return e.api.inGroup(c.Request.Context(), &e.faults, e.body.Group, &probe)
}

func (e *edit) apply(acc *account.Account) error {
	if err := e.match.Check(web.Tag(acc.Version)); err != nil {
		return err
	}
	f := append(web.Faults(nil), e.faults...)
	before := acc.User
	e.body.apply(acc, &f)
	if e.body.Group.Set {
		acc.Group = account.GroupID(e.body.Group.Value)
	}
	secret := e.secret
	switch {
	case e.body.Password.Set && !e.body.Password.Null:
		secret = password(&f, e.body.Password.Value, *acc)
	case acc.User != before && !e.body.Password.Set:
		f.Add("/password", "required", "is missing: a new user needs a new password, because the stored hash covers both (null makes one)")
	}
	if err := f.Err(); err != nil {
		return err
	}
	if secret != "" {
		acc.SetPassword(e.api.Ring, e.api.config.Realm, secret)
	}
	acc.Updated = e.api.Now().UTC()
	return nil
}
