package console

import (
	"errors"
	"net/http"
	"strings"

	"sipward/internal/apiclient"
)

// operator is who looks at the pages.
type operator struct {
	Name, FullName, Role string
	CSRF                 string
}

// May reports whether the role includes another. It only decides what is offered: the API decides what is done.
func (o *operator) May(role string) bool {
	rank := map[string]int{"auditor": 1, "operator": 2, "admin": 3, "superadmin": 4}
	return o != nil && rank[o.Role] >= rank[role]
}

// csrfHeader carries what a form of ours knows beside the cookie.
const csrfHeader = "X-CSRF-Token"

// prepare gives a request to the API what the browser sent to let itself in: the API judges it as if it came straight.
func (v *visit) prepare(r *http.Request) {
	r.RemoteAddr, r.TLS, r.Host = v.r.RemoteAddr, v.r.TLS, v.r.Host
	for _, name := range []string{"Cookie", "Origin", "Sec-Fetch-Site", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "Last-Event-Id"} {
		if h := v.r.Header[name]; len(h) > 0 {
			r.Header[name] = h
		}
	}
	if v.r.Method == http.MethodPost {
		r.Header.Set(csrfHeader, v.r.PostFormValue("csrf"))
	}
	if v.once != "" {
		r.Header.Set("Idempotency-Key", v.once)
	}
}

// session is what the API says of who asks.
type session struct {
	Name     string       `json:"name"`
	Role     string       `json:"role"`
	CSRF     *string      `json:"csrf_token"`
	Operator *operatorRow `json:"operator"`
	Needs    string       `json:"needs"`  // a second step of signing in
	Ticket   string       `json:"ticket"` // for it
}

// whoami asks the API who holds the session.
func (v *visit) whoami() (*operator, error) {
	var s session
	if err := v.get("/session", nil, &s); err != nil {
		return nil, err
	}
	v.my = s.Operator
	o := &operator{Name: s.Name, Role: s.Role, CSRF: text(s.CSRF)}
	if s.Operator != nil {
		o.FullName = s.Operator.FullName
		if _, err := v.r.Cookie(langCookie); errors.Is(err, http.ErrNoCookie) && known(text(s.Operator.Language)) {
			v.lang = text(s.Operator.Language)
		}
	}
	return o, nil
}

// door is the page where people come in.
type door struct {
	Form   form
	Ticket string // the password was right; a code is asked for
	Link   *setupLink
	Token  string
	First  bool // nobody can sign in yet
	SSO    bool // by single sign-on too
}

// setupLink is what a set-up link is for.
type setupLink struct {
	Kind string  `json:"kind"`
	Name *string `json:"name"`
}

// signIn is the page at the door.
func (c *Console) signIn(v *visit) error {
	var m struct {
		Setup bool `json:"setup_needed"`
		SSO   bool `json:"single_sign_on"`
	}
	if err := v.get("/session/methods", nil, &m); err != nil {
		return err
	}
	return v.render("signin", v.t("Sign in"), door{Form: form{Values: v.r.URL.Query()}, First: m.Setup, SSO: m.SSO})
}

// enter checks name and password, or the code of the second step.
func (c *Console) enter(v *visit) error {
	d := door{Form: v.filled()}
	d.Ticket = d.Form.Get("ticket")
	var s session
	var err error
	if d.Ticket != "" {
		err = v.post("/session/code", map[string]any{"ticket": d.Ticket, "code": strings.TrimSpace(d.Form.Get("code"))}, &s)
	} else {
		err = v.post("/session", map[string]any{"name": d.Form.Get("name"), "password": d.Form.Get("password")}, &s)
	}
	return v.admit(d, s, err)
}

// admit goes on after a step at the door.
func (v *visit) admit(d door, s session, err error) error {
	switch {
	case err == nil && s.Needs != "":
		d.Ticket = s.Ticket
		return v.write(http.StatusOK, "signin", frame{Title: v.t("Sign in"), Data: d})
	case err == nil:
		return v.to(local(d.Form.Get("next")))
	}
	if err := v.wrong(&d.Form, err); err != nil {
		return err
	}
	p := asProblem(err)
	if p.Status == http.StatusUnauthorized {
		d.Form.Fault = v.t("This did not work")
	}
	page, title := "signin", v.t("Sign in")
	if d.Link != nil {
		page, title = "setup", v.t("Welcome")
	}
	return v.show(page, title, d.Form, d)
}

// setup is the page of a set-up link. Looking at it uses nothing up.
func (c *Console) setup(v *visit) error {
	d := door{Form: form{Values: v.r.URL.Query()}, Token: v.r.PathValue("token")}
	if err := v.post("/setup/look", map[string]any{"token": d.Token}, &d.Link); err != nil {
		return err
	}
	return v.render("setup", v.t("Welcome"), d)
}

// begin sets the password by the link, and signs in.
func (c *Console) begin(v *visit) error {
	d := door{Form: v.filled(), Token: v.r.PathValue("token"), Link: &setupLink{}}
	if err := v.post("/setup/look", map[string]any{"token": d.Token}, d.Link); err != nil {
		return err
	}
	body := without(d.Form.words("name", "full_name", "email"), "name", "full_name", "email")
	body["token"], body["password"] = d.Token, d.Form.Get("password")
	if d.Link.Name != nil {
		delete(body, "name")
	}
	var s session
	err := v.post("/setup", body, &s)
	return v.admit(d, s, err)
}

// leave ends the session.
func (c *Console) leave(v *visit) error {
	if err := v.ask(apiclient.Request{Method: http.MethodDelete, Path: "/session"}, nil); err != nil {
		return err
	}
	return v.to("/sign-in")
}

// local lets nobody be led to another site.
func local(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

// refused reports whether the role does not reach this far: the page does without it.
func refused(err error) bool { return asProblem(err).Status == http.StatusForbidden }

func asProblem(err error) *apiclient.Problem {
	var p *apiclient.Problem
	if errors.As(err, &p) {
		return p
	}
	return &apiclient.Problem{Status: http.StatusInternalServerError, Code: "internal", Detail: err.Error()}
}
