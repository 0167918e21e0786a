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
	"sipward/internal/web"
)

// errRefused is an attempt that fails; the log says which way, the answer does not.
var errRefused = errors.New("sign-in refused")

// errCode is a second factor that is wrong, or was used before.
var errCode = errors.New("wrong code")

type signInBody struct {
	Name     web.Opt[string] `json:"name"`
	Password web.Opt[string] `json:"password"`
}

// attempt is one try to sign in.
type attempt struct {
	name   string // canonical, or as typed when nobody can have it
	source string
	agent  string
	method string
}

func newAttempt(c *gin.Context, name, method string) attempt {
	if canonical, err := operator.ParseName(name); err == nil {
		name = canonical
	}
	return attempt{name: clean(name, 64), source: c.ClientIP(), agent: clean(c.GetHeader("User-Agent"), 200), method: method}
}

// clean keeps a stranger's words to one short harmless line.
func clean(s string, most int) string {
	s = strings.ToValidUTF8(s, "?")
	kept := []rune(s)
	s = string(kept[:min(len(kept), most)])
	if account.CheckText(s, most) != nil {
		return strings.Map(func(r rune) rune {
			if account.CheckText(string(r), 1) != nil {
				return '?'
			}
			return r
		}, s)
	}
	return s
}

// signIn checks name and password. With a second factor the answer is 202 and a ticket for session/code.
func (a *API) signIn(c *gin.Context) error {
	var b signInBody
	if err := web.SameOrigin(c); err != nil {
		return err
	}
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	try := newAttempt(c, b.Name.Value, "password")
	leave, err := a.begin(c, try)
	if err != nil {
		return err
	}
	defer leave()
	o, stale, err := a.checkPassword(c, try, b.Password.Value)
	if errors.Is(err, errRefused) {
		return a.failed(c, try, o.ID, operator.Failure)
	}
	if err != nil {
		return err
	}
	if o.Guarded() {
		return a.askCode(c, o)
	}
	return a.start(c, try, o, func(now *operator.Operator) error {
		if stale {
			now.Password, err = a.Passwords.Hash(c.Request.Context(), b.Password.Value)
		}
		return err
	})
}

// begin admits an attempt, or tells it to wait.
func (a *API) begin(c *gin.Context, try attempt) (leave func(), err error) {
	wait, err := a.locks.wait(c.Request.Context(), try.name, try.source)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		if err := a.note(c, try, "", operator.Locked); err != nil {
			return nil, err
		}
		return nil, web.TooManyFailures(wait)
	}
	leave, ok := a.crowd.enter(try.source)
	if !ok {
		return nil, web.TooMany(time.Second)
	}
	return leave, nil
}

// checkPassword finds who the attempt is; errRefused after the same work whatever is wrong.
func (a *API) checkPassword(c *gin.Context, try attempt, password string) (o operator.Operator, stale bool, err error) {
	ctx := c.Request.Context()
	if canonical, wrong := operator.ParseName(try.name); wrong == nil {
		if o, err = a.Operators.ByName(ctx, canonical); err != nil && !errors.Is(err, account.ErrNotFound) {
			return o, false, err
		}
	}
	ok, stale, err := a.Passwords.Check(ctx, o.Password, password)
	if err != nil {
		return o, false, err
	}
	if !ok || o.Disabled {
		return o, false, errRefused
	}
	return o, stale, nil
}

// failed counts and logs a failure and answers it.
func (a *API) failed(c *gin.Context, try attempt, id string, e operator.Event) error {
	if err := errors.Join(a.locks.failed(c.Request.Context(), try.name, try.source), a.note(c, try, id, e)); err != nil {
		return err
	}
	if e == operator.BadCode {
		return web.Unauthorised("the code is wrong or was used before: send the one your authenticator shows now, or a recovery code")
	}
	return web.Unauthorised("name or password is wrong: try again, or ask a superadmin for a set-up link")
}

// note writes an entry of the sign-in log; without it nothing goes on.
func (a *API) note(c *gin.Context, try attempt, id string, e operator.Event) error {
	a.events.WithLabelValues(string(e)).Inc()
	return a.SignIns.Add(c.Request.Context(), operator.SignIn{
		ID: operator.NewSignInID(), At: a.Now().UTC(), Event: e, Name: try.name, Operator: id, Method: try.method, Source: try.source, Agent: try.agent,
	})
}

// start makes the session and answers with it; f changes the operator in the same transaction.
func (a *API) start(c *gin.Context, try attempt, seen operator.Operator, f func(*operator.Operator) error) error {
	return a.startWith(c, try, seen, f, func(o operator.Operator, s operator.Session) { c.JSON(http.StatusOK, viewSession(o, s)) })
}

// startWith is start with an answer of the caller's own.
func (a *API) startWith(c *gin.Context, try attempt, seen operator.Operator, f func(*operator.Operator) error, answer func(operator.Operator, operator.Session)) error {
	ctx, now := c.Request.Context(), a.Now().UTC()
	s, cookie := operator.NewSession()
	s.Operator, s.Method, s.Source, s.Agent = seen.ID, try.method, try.source, try.agent
	s.Since, s.Seen, s.Idle, s.Until = now, now, now.Add(a.config.Idle), now.Add(a.config.Life)
	o, ended, err := a.Operators.SignIn(ctx, s, a.config.Sessions, func(o *operator.Operator) error {
		if o.Disabled || o.Password != seen.Password {
			return errRefused
		}
		o.Sessions = a.living(c, o.Sessions)
		return f(o)
	})
	switch {
	case errors.Is(err, errRefused), errors.Is(err, account.ErrNotFound):
		return a.failed(c, try, seen.ID, operator.Failure)
	case errors.Is(err, errCode):
		return a.failed(c, try, seen.ID, operator.BadCode)
	case err != nil:
		return err
	}
	err = errors.Join(a.locks.succeeded(ctx, try.name, try.source), a.note(c, try, o.ID, operator.Success))
	for range ended {
		err = errors.Join(err, a.note(c, try, o.ID, operator.Replaced))
	}
	if err != nil { // a session that nobody can know of must not be
		return errors.Join(err, a.Operators.End(ctx, o.ID, s.ID))
	}
	web.SetSession(c, cookie, time.Time{})
	answer(o, s)
	return nil
}

// living drops the sessions that have run out, so that only living ones count.
func (a *API) living(c *gin.Context, hashes []string) []string {
	return slices.DeleteFunc(hashes, func(h string) bool {
		_, _, err := a.Operators.Session(c.Request.Context(), h, a.config.Idle)
		return errors.Is(err, account.ErrNotFound)
	})
}

func (a *API) signIns(c *gin.Context) error {
	scope, position, limit, err := web.Query(c, a.Cursors, "operator_id", "name", "event", "source", "from", "until")
	if err != nil {
		return err
	}
	f, err := web.SignInFilter(c)
	if err != nil {
		return err
	}
	page, err := a.SignIns.List(c.Request.Context(), f, position, limit)
	if err != nil {
		return err
	}
	if page.Items == nil {
		page.Items = []operator.SignIn{}
	}
	c.JSON(http.StatusOK, web.List[operator.SignIn]{Items: page.Items, Next: a.Cursors.Seal(scope, page.Next)})
	return nil
}
