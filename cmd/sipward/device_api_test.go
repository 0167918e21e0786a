package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// document is docs/device-api.yaml, against which every answer to a device is held.
type document struct {
	spec   *openapi3.T
	router routers.Router
}

func deviceDocument(t testing.TB) *document {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromFile("../../docs/device-api.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(spec)
	if err != nil {
		t.Fatal(err)
	}
	return &document{spec, router}
}

// hold fails the test for an answer that the document does not know.
func (d *document) hold(t testing.TB, method, path string, w *http.Response, body []byte) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	route, params, err := d.router.FindRoute(r)
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
		return
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, ExcludeRequestBody: true}}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.StatusCode, Header: w.Header}
	out.SetBodyBytes(body)
	if strings.HasPrefix(w.Header.Get("Content-Type"), "application/vnd.") { // which kin-openapi cannot read
		return
	}
	if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
		t.Errorf("%s %s answered %d outside the document: %v\n%s", method, path, w.StatusCode, err, body)
	}
}

// The document and the router know the same routes.
func TestTheDeviceDocumentIsTheRouter(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.HTTP.Public = "127.0.0.1:0"
	s := start(t, c)
	s.group() // it serves
	var documented, routed []string
	for path, item := range deviceDocument(t).spec.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	parameter := regexp.MustCompile(`/:([a-z_]+)`)
	for _, table := range s.n.publicTables() {
		for _, r := range table {
			if strings.HasPrefix(r.Path, "/v1/") {
				routed = append(routed, r.Method+" "+parameter.ReplaceAllString(r.Path, "/{$1}"))
			}
		}
	}
	slices.Sort(documented)
	slices.Sort(routed)
	if !slices.Equal(documented, routed) {
		t.Errorf("document and router differ:\ndocument %q\nrouter   %q", documented, routed)
	}
}
