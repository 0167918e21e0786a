package access

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/password"
	"sipward/internal/web"
)

// sessionView tells who asks. What only a session has is null for a token.
type sessionView struct {
	Kind     string        `json:"kind"` // session, token, bootstrap
	Name     string        `json:"name"`
	Role     account.Role  `json:"role"`
	Operator *operatorView `json:"operator"`
	CSRF     *string       `json:"csrf_token"`
	Method   *string       `json:"method"`
	Since    *time.Time    `json:"since"`
	Idle     *time.Time    `json:"idle_at"`    // when it ends unless it is used
	Until    *time.Time    `json:"expires_at"` // when it ends in any case
}

func viewSession(o operator.Operator, s operator.Session) sessionView {
	view := viewOperator(o)
	return sessionView{
		Kind: "session", Name: o.Name, Role: o.Role, Operator: &view, CSRF: &s.CSRF, Method: &s.Method,
		Since: &s.Since, Idle: &s.Idle, Until: &s.Until,
	}
}

func (a *API) whoAmI(c *gin.Context) error {
	who := web.Who(c)
	if who.Session != nil {
		o, err := a.Operators.ByID(c.Request.Context(), who.ID)
		if err != nil {
			return err
		}
		c.JSON(http.StatusOK, viewSession(o, *who.Session))
		return nil
	}
	view := sessionView{Kind: "token", Name: who.Name, Role: who.Role}
	if who.ID == "bootstrap" {
		view.Kind = "bootstrap"
	}
	c.JSON(http.StatusOK, view)
	return nil
}

// methods tells a sign-in page what it can offer.
func (a *API) methods(c *gin.Context) error {
	exist, err := a.Operators.Exist(c.Request.Context())
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, map[string]any{"server": a.config.Name, "password": exist, "setup_needed": !exist, "single_sign_on": a.config.SSO.Issuer != ""})
	return nil
}

// signOut ends the session of the cookie.
func (a *API) signOut(c *gin.Context) error {
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	if err := a.Operators.End(c.Request.Context(), who.ID, who.Session.ID); err != nil {
		return err
	}
	if err := a.note(c, newAttempt(c, who.Name, who.Session.Method), who.ID, operator.SignOut); err != nil {
		return err
	}
	web.SetSession(c, "", time.Time{})
	c.Status(http.StatusNoContent)
	return nil
}

// signedIn is who came with a session; a token has none.
func signedIn(c *gin.Context) (web.Principal, error) {
	who := web.Who(c)
	if who.Session == nil {
		return who, web.Conflict("no_session", "a token has no session: sign in with name and password for this")
	}
	return who, nil
}

type meBody struct {
	FullName web.Opt[string] `json:"full_name"`
	Email    web.Opt[string] `json:"email"`
	Language web.Opt[string] `json:"language"`
}

// editMe changes what an operator may change of himself.
func (a *API) editMe(c *gin.Context) error {
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	var b meBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	o, err := a.Operators.Update(c.Request.Context(), who.ID, func(o *operator.Operator) error {
		b.onto(o)
		return checkFields(*o)
	})
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewSession(o, *who.Session))
	return nil
}

func (b meBody) onto(o *operator.Operator) {
	if b.FullName.Set {
		o.FullName = strings.TrimSpace(b.FullName.Value)
	}
	if b.Email.Set {
		o.Email = strings.TrimSpace(b.Email.Value)
	}
	if b.Language.Set {
		o.Language = b.Language.Value
	}
}

func checkFields(o operator.Operator) error {
	var f web.Faults
	if err := account.CheckText(o.FullName, 100); err != nil {
		f.Add("/full_name", "text", err.Error())
	}
	if err := account.CheckText(o.Email, 200); err != nil || o.Email != "" && !strings.Contains(o.Email, "@") {
		f.Add("/email", "email", "must be an e-mail address")
	}
	if o.Language != "" && !slices.Contains([]string{"en", "it", "fr", "es", "de"}, o.Language) {
		f.Add("/language", "choice", "must be one of en, it, fr, es, de")
	}
	if !web.Known(o.Role) {
		f.Add("/role", "choice", "must be one of superadmin, admin, operator, auditor")
	}
	return f.Err()
}

type passwordBody struct {
	Current web.Opt[string] `json:"current"`
	New     web.Opt[string] `json:"new"`
}

// changePassword sets the operator's own password; the other sessions end.
func (a *API) changePassword(c *gin.Context) error {
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	var b passwordBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	if err := judge("/new", b.New.Value, who.Name); err != nil {
		return err
	}
	o, err := a.confirm(c, who, "/current", b.Current.Value)
	if err != nil {
		return err
	}
	hash, err := a.Passwords.Hash(c.Request.Context(), b.New.Value)
	if err != nil {
		return err
	}
	_, err = a.Operators.Update(c.Request.Context(), who.ID, func(now *operator.Operator) error {
		if now.Password != o.Password {
			return web.Stale()
		}
		now.Password = hash
		now.Sessions = slices.DeleteFunc(now.Sessions, func(h string) bool { return h != who.Session.ID })
		return nil
	})
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// confirm wants the present password once more before something that a borrowed browser must not do.
func (a *API) confirm(c *gin.Context, who web.Principal, pointer, given string) (operator.Operator, error) {
	try := newAttempt(c, who.Name, "password")
	leave, err := a.begin(c, try)
	if err != nil {
		return operator.Operator{}, err
	}
	defer leave()
	o, _, err := a.checkPassword(c, try, given)
	if errors.Is(err, errRefused) {
		if err := errors.Join(a.locks.failed(c.Request.Context(), try.name, try.source), a.note(c, try, who.ID, operator.Failure)); err != nil {
			return o, err
		}
		return o, web.Faults{{Pointer: pointer, Code: "wrong", Message: "is not your present password"}}.Err()
	}
	return o, err
}

func judge(pointer, text, name string) error {
	if err := password.Judge(text, name); err != nil {
		return web.Faults{{Pointer: pointer, Code: "password", Message: err.Error()}}.Err()
	}
	return nil
}
