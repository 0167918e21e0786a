package apiclient

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Within is a client of an API in the same process: h answers every request, after prepare has added what lets it in.
// Nothing touches the network, and everything the API checks is checked.
func Within(h http.Handler, prepare func(*http.Request)) *Client {
	c := &Client{
		base: &url.URL{Scheme: "http", Host: "within"}, timeout: 30 * time.Second,
		http: &http.Client{Transport: within{handler: h, prepare: prepare}},
	}
	return c.wired()
}

// Request is one question in the API's own words, for what has no method of its own here.
type Request struct {
	Method, Path string // from the root: /api/v1/…
	Query        url.Values
	Body         any    // sent as JSON; an io.Reader goes as it is, as Kind
	Kind         string // Content-Type of an io.Reader
	Match        string // If-Match
	Accept       string
	Long         bool // no timeout but the ctx's
}

// Ask asks, and decodes the answer into out unless that is nil; an io.Writer gets the bytes. It returns the answer's
// headers.
func (c *Client) Ask(ctx context.Context, r Request, out any) (http.Header, error) {
	head := http.Header{}
	return head, c.do(ctx, call{method: r.Method, path: r.Path, query: r.Query, body: r.Body, kind: r.Kind, match: r.Match, accept: r.Accept, long: r.Long, head: head}, out)
}

// within carries requests to a handler.
type within struct {
	handler http.Handler
	prepare func(*http.Request)
}

// RoundTrip has the handler answer into memory.
func (t within) RoundTrip(req *http.Request) (*http.Response, error) {
	in := req.Clone(req.Context())
	in.RequestURI = in.URL.RequestURI()
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	if in.Body == nil {
		in.Body = http.NoBody
	}
	t.prepare(in)
	a := &answer{header: http.Header{}}
	t.handler.ServeHTTP(a, in)
	if a.code == 0 {
		a.code = http.StatusOK
	}
	return &http.Response{
		StatusCode: a.code, Status: http.StatusText(a.code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: req,
	}, nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header is the answer's.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the first code.
func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
}

// Write appends to the body.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// Flush has nothing to do: the body is in memory.
func (a *answer) Flush() {}
