package access

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/web"
)

// operatorView is an operator as the API shows it: never the hash, the factor or the sessions.
type operatorView struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	FullName string       `json:"full_name"`
	Email    string       `json:"email"`
	Language *string      `json:"language"`
	Role     account.Role `json:"role"`
	Password bool         `json:"has_password"`
	SSO      bool         `json:"single_sign_on"`
	Factor   bool         `json:"totp"`
	Recovery int          `json:"recovery_codes_left"`
	Disabled bool         `json:"disabled"`
	Signed   *time.Time   `json:"signed_in_at"`
	From     *string      `json:"signed_in_from"`
	Created  time.Time    `json:"created_at"`
	By       string       `json:"created_by"`
	Updated  time.Time    `json:"updated_at"`
	Version  uint64       `json:"version"`
	SetupURL string       `json:"setup_url,omitempty"` // once, in the answer that made it
	Until    *time.Time   `json:"setup_expires_at,omitempty"`
}

func viewOperator(o operator.Operator) operatorView {
	v := operatorView{
		ID: o.ID, Name: o.Name, FullName: o.FullName, Email: o.Email, Role: o.Role, Password: o.Password != "", SSO: o.Subject != "",
		Factor: o.Guarded(), Disabled: o.Disabled, Created: o.Created.UTC(), By: o.By, Updated: o.Updated.UTC(), Version: o.Version,
	}
	if o.Language != "" {
		v.Language = &o.Language
	}
	if o.Guarded() {
		v.Recovery = len(o.Factor.Recovery)
	}
	if !o.Signed.IsZero() {
		at := o.Signed.UTC()
		v.Signed, v.From = &at, &o.From
	}
	return v
}

type operatorBody struct {
	Name     web.Opt[string] `json:"name"`
	FullName web.Opt[string] `json:"full_name"`
	Email    web.Opt[string] `json:"email"`
	Language web.Opt[string] `json:"language"`
	Role     web.Opt[string] `json:"role"`
	Password web.Opt[string] `json:"password"`
}

// create makes an operator: with a password, or with a link by which the operator sets one.
func (a *API) create(c *gin.Context) error {
	var b operatorBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	ctx := c.Request.Context()
	o := operator.Operator{ID: operator.NewID(), Role: account.Role(b.Role.Value), By: web.Who(c).Label()}
	meBody{b.FullName, b.Email, b.Language}.onto(&o)
	var err error
	if o.Name, err = operator.ParseName(b.Name.Value); err != nil {
		return web.Faults{{Pointer: "/name", Code: "name", Message: err.Error()}}.Err()
	}
	if err := checkFields(o); err != nil {
		return err
	}
	if b.Password.Set && !b.Password.Null {
		if err := judge("/password", b.Password.Value, o.Name); err != nil {
			return err
		}
		if o.Password, err = a.Passwords.Hash(ctx, b.Password.Value); err != nil {
			return err
		}
	}
	if o, err = a.Operators.Create(ctx, o); err != nil {
		return err
	}
	view := viewOperator(o)
	if o.Password == "" {
		link, until, err := a.offerLink(ctx, o.ID)
		if err != nil {
			return err
		}
		view.SetupURL, view.Until = link, &until
	}
	c.Header("Location", "/api/v1/operators/"+o.ID)
	return web.Changed(c, http.StatusCreated, web.Tag(o.Version), view)
}

func (a *API) list(c *gin.Context) error {
	all, err := a.Operators.List(c.Request.Context())
	if err != nil {
		return err
	}
	list := web.List[operatorView]{Items: make([]operatorView, 0, len(all))}
	for _, o := range all {
		list.Items = append(list.Items, viewOperator(o))
	}
	c.JSON(http.StatusOK, list)
	return nil
}

func (a *API) show(c *gin.Context) error {
	o, err := a.Operators.ByID(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return web.Show(c, web.Tag(o.Version), viewOperator(o))
}

type editBody struct {
	FullName web.Opt[string] `json:"full_name"`
	Email    web.Opt[string] `json:"email"`
	Language web.Opt[string] `json:"language"`
	Role     web.Opt[string] `json:"role"`
	Disabled web.Opt[bool]   `json:"disabled"`
}

// edit changes an operator; a new role or state ends the sessions.
func (a *API) edit(c *gin.Context) error {
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	var b editBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	o, err := a.Operators.Update(c.Request.Context(), c.Param("id"), func(o *operator.Operator) error {
		if err := match.Check(web.Tag(o.Version)); err != nil {
			return err
		}
		was := *o
		meBody{b.FullName, b.Email, b.Language}.onto(o)
		if b.Role.Set {
			o.Role = account.Role(b.Role.Value)
		}
		o.Disabled = b.Disabled.Or(o.Disabled)
		if o.Role != was.Role || o.Disabled != was.Disabled {
			o.Sessions = nil
		}
		return checkFields(*o)
	})
	if err != nil {
		return lastOne(err)
	}
	return web.Changed(c, http.StatusOK, web.Tag(o.Version), viewOperator(o))
}

func lastOne(err error) error {
	if errors.Is(err, operator.ErrLast) {
		return web.Conflict("last_superadmin", operator.ErrLast.Error())
	}
	return err
}

func (a *API) remove(c *gin.Context) error {
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	o, err := a.Operators.ByID(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	if err := match.Check(web.Tag(o.Version)); err != nil {
		return err
	}
	if err := a.Operators.Delete(ctx, o.ID, match.Version(o.Version)); err != nil {
		return lastOne(err)
	}
	c.Status(http.StatusNoContent)
	return nil
}

// offer makes a link by which the operator sets a new password.
func (a *API) offer(c *gin.Context) error {
	if err := web.BindOptional(c, &struct{}{}); err != nil {
		return err
	}
	o, err := a.Operators.ByID(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	link, until, err := a.offerLink(c.Request.Context(), o.ID)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, map[string]any{"setup_url": link, "setup_expires_at": until})
	return nil
}

// endSessions signs an operator out everywhere.
func (a *API) endSessions(c *gin.Context) error {
	if err := web.BindOptional(c, &struct{}{}); err != nil {
		return err
	}
	o, err := a.Operators.ByID(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	if err := a.Operators.End(c.Request.Context(), o.ID); err != nil {
		return err
	}
	if err := a.note(c, attempt{name: o.Name, source: c.ClientIP(), method: "superadmin"}, o.ID, operator.Ended); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// openSession is a session as the API shows it: never its cookie's hash.
type openSession struct {
	Method string    `json:"method"`
	Source string    `json:"source"`
	Agent  string    `json:"user_agent"`
	Since  time.Time `json:"since"`
	Seen   time.Time `json:"seen_at"`
	Until  time.Time `json:"expires_at"`
}

func (a *API) sessionsOf(c *gin.Context) error {
	open, err := a.Operators.Sessions(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	list := web.List[openSession]{Items: make([]openSession, 0, len(open))}
	for _, s := range open {
		list.Items = append(list.Items, openSession{Method: s.Method, Source: s.Source, Agent: s.Agent, Since: s.Since.UTC(), Seen: s.Seen.UTC(), Until: s.Until.UTC()})
	}
	c.JSON(http.StatusOK, list)
	return nil
}
