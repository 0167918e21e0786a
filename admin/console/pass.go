package console

import (
	"net/http"
	"net/url"
)

// pass hands a GET on to the API and its answer to the browser as it comes: files, and streams without end.
func (v *visit) pass(path string) error {
	to, err := url.Parse(v1 + path)
	if err != nil {
		return notHere
	}
	r := v.r.Clone(v.r.Context())
	r.Method, r.Body, r.ContentLength = http.MethodGet, http.NoBody, 0
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = to.Path, to.RawPath, to.RawQuery
	v.prepare(r)
	v.c.API.ServeHTTP(v.w, r)
	return nil
}

// export hands on a file of the API: what a list shows, by the filters that are in force there.
func (c *Console) export(path string, filters ...string) page {
	return func(v *visit) error {
		var pairs []string
		for _, name := range filters {
			pairs = append(pairs, name, v.r.URL.Query().Get(name))
		}
		return v.pass(path + query(pairs...))
	}
}

// events is the stream of what changes.
func (c *Console) events(v *visit) error { return v.pass("/events") }
