package apitest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"

	"sipward/internal/web"
)

// Call is one request; zero fields are left out, and the bearer is the bootstrap token unless it is "-".
type Call struct {
	Method, Path string
	Body         any // a string or []byte goes as it is, anything else as JSON
	Type         string
	Bearer       string
	Match        string // If-Match
	Header       http.Header
	From         string // the client's address
}

// Answer is what came back.
type Answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// Do sends a request. The answer, and a request that was answered 2xx, must be as the document says.
func (a *API) Do(c Call) Answer {
	a.t.Helper()
	body, kind := encode(a.t, c)
	r := request(a.t, c, body, kind)
	w := httptest.NewRecorder()
	a.Handler.ServeHTTP(w, r)
	a.hold(c, body, kind, w)
	return Answer{w, a.t}
}

func encode(t testing.TB, c Call) (body []byte, kind string) {
	t.Helper()
	switch b := c.Body.(type) {
	case nil:
		return nil, c.Type
	case string:
		body = []byte(b)
	case []byte:
		body = b
	default:
		var err error
		body, err = json.Marshal(b)
		must(t, err)
	}
	kind = "application/json"
	if c.Type != "" {
		kind = c.Type
	}
	return body, kind
}

func request(t testing.TB, c Call, body []byte, kind string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), c.Method, c.Path, bytes.NewReader(body))
	for k, v := range c.Header {
		r.Header[k] = v
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if c.Bearer == "" {
		c.Bearer = Bootstrap
	}
	if c.Bearer != "-" {
		r.Header.Set("Authorization", "Bearer "+c.Bearer)
	}
	if c.Match != "" {
		r.Header.Set("If-Match", c.Match)
	}
	if c.From != "" {
		r.RemoteAddr = c.From + ":40000"
	}
	return r
}

// hold holds the exchange against the document.
func (a *API) hold(c Call, body []byte, kind string, w *httptest.ResponseRecorder) {
	a.t.Helper()
	r := request(a.t, c, body, kind)
	route, params, err := a.router.FindRoute(r)
	if err != nil {
		if w.Code < 400 {
			a.t.Errorf("%s %s answered %d, but the document does not know it: %v", c.Method, c.Path, w.Code, err)
		}
		return
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
			ExcludeRequestBody: kind != "application/json",
		},
	}
	if w.Code < 300 {
		if err := openapi3filter.ValidateRequest(a.t.Context(), in); err != nil {
			a.t.Errorf("%s %s was accepted, but the document refuses it: %v", c.Method, c.Path, err)
		}
	}
	if strings.Contains(w.Header().Get("Content-Type"), "json") && !strings.Contains(w.Header().Get("Content-Type"), "ndjson") || w.Code >= 400 {
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header()}
		out.SetBodyBytes(w.Body.Bytes())
		if err := openapi3filter.ValidateResponse(a.t.Context(), out); err != nil {
			a.t.Errorf("%s %s answered %d outside the document: %v\n%s", c.Method, c.Path, w.Code, err, w.Body)
		}
	}
}

// Want ends the test unless the status is code.
func (a Answer) Want(code int) Answer {
	a.t.Helper()
	if a.Code != code {
		a.t.Fatalf("status %d, want %d: %s", a.Code, code, a.Body)
	}
	return a
}

// Refused ends the test unless the answer is a problem of that status and code.
func (a Answer) Refused(status int, code string) web.Problem {
	a.t.Helper()
	var p web.Problem
	if err := json.Unmarshal(a.Body.Bytes(), &p); err != nil || a.Code != status || p.Code != code {
		a.t.Fatalf("status %d %s, want %d with code %s", a.Code, a.Body, status, code)
	}
	return p
}

// JSON is the body, an object.
func (a Answer) JSON() map[string]any {
	a.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.Body.Bytes(), &m); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
	return m
}

// Get is a string member of the body.
func (a Answer) Get(name string) string {
	a.t.Helper()
	s, _ := a.JSON()[name].(string)
	return s
}
