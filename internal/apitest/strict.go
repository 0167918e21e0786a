package apitest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
)

// Strict is the API for a client under test: each of its requests and answers is held against the document, so that the
// client, the server and the document cannot drift apart. It keeps an answer until it is whole, so streams do not work.
func (a *API) Strict() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			a.t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		a.Handler.ServeHTTP(rec, r)
		c := Call{Method: r.Method, Path: r.URL.RequestURI(), Bearer: "-", Header: r.Header.Clone(), Match: r.Header.Get("If-Match")}
		a.hold(c, body, r.Header.Get("Content-Type"), rec)
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes()) // a client that has gone fails its own test
	})
}
