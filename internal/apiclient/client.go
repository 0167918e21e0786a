package apiclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/apiclient/wire"
)

// Config says where the API is and who asks.
type Config struct {
	URL     string        // http://127.0.0.1:8080
	Token   string        // sw_…, or the bootstrap token
	CAFile  string        // PEM of the CA that signed the server's certificate; empty: the system's
	Timeout time.Duration // of one request, export and import excepted; 0: 30 s
}

// Client asks one server.
type Client struct {
	base    *url.URL
	token   account.Secret
	timeout time.Duration
	http    *http.Client
	wire    *wire.Client // generated; sends by http
}

// wired puts the generated client before the one that sends.
func (c *Client) wired() *Client {
	let := func(_ context.Context, r *http.Request) error {
		if c.token != "" { // a client within the process is let in by its browser's session
			r.Header.Set("Authorization", "Bearer "+c.token.Reveal())
		}
		return nil
	}
	c.wire = &wire.Client{Server: strings.TrimSuffix(c.base.String(), "/") + "/", Client: c.http, RequestEditors: []wire.RequestEditorFn{let}}
	return c
}

// maxAnswer bounds what is read of an answer that is decoded.
const maxAnswer = 32 << 20 // bytes

// idleConnections is how many connections stay open between requests: those of a program that asks many things at a time.
const idleConnections = 32

// New checks the configuration; it asks nothing yet.
func New(c Config) (*Client, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("the API's address %q is not a URL: write it as http://127.0.0.1:8080", c.URL)
	}
	if c.Token == "" {
		return nil, errors.New("no token: give --token, or set SIPWARD_TOKEN (the first one stands in admin.token in the data_dir of the server, unless admin.bootstrap_token names one)")
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, Proxy: nil, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: idleConnections}
	if c.CAFile != "" {
		if tr.TLSClientConfig.RootCAs, err = readCA(c.CAFile); err != nil {
			return nil, err
		}
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the API never redirects; a token must not follow
	made := &Client{base: base, token: account.Secret(c.Token), timeout: c.Timeout, http: &http.Client{Transport: tr, CheckRedirect: refuse}}
	return made.wired(), nil
}

// Close gives the idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func readCA(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("CA file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s holds no certificate in PEM: use the server's data_dir/tls/ca.pem", file)
	}
	return pool, nil
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         any         // sent as JSON; an io.Reader goes as it is
	kind         string      // Content-Type of an io.Reader
	match        string      // If-Match
	long         bool        // no timeout but the ctx's
	accept       string      // Accept; empty: whatever there is
	head         http.Header // gets the answer's headers; nil: nobody asks for them
}

// do asks, and decodes the answer into out unless that is nil; an io.Writer gets the bytes.
func (c *Client) do(ctx context.Context, r call, out any) error {
	if !r.long {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	req, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req) //nolint:bodyclose // answered closes it
	return c.answered(resp, err, r.head, out)
}

// answered reads an answer: a problem is an error.
func (c *Client) answered(resp *http.Response, err error, head http.Header, out any) error {
	if err != nil {
		return c.unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if head != nil {
		maps.Copy(head, resp.Header)
	}
	if resp.StatusCode/100 != 2 {
		return readProblem(resp)
	}
	switch out := out.(type) {
	case nil:
	case io.Writer:
		_, err = io.Copy(out, resp.Body)
	default:
		err = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out)
	}
	if err != nil {
		return fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	}
	drain(resp.Body)
	return nil
}

// What is read behind an answer that is complete.
const (
	drainTime  = time.Second
	drainBytes = 1 << 20
)

// drain reads an answer to its end, which JSON does not need: else the connection is closed, and the next request makes
// one. A server that does not end is not waited for.
func drain(body io.ReadCloser) {
	stop := time.AfterFunc(drainTime, func() { _ = body.Close() })
	defer stop.Stop()
	_, _ = io.CopyN(io.Discard, body, drainBytes)
}

// ask has the generated client send a request, and reads the answer.
func (c *Client) ask(ctx context.Context, out any, send func(ctx context.Context) (*http.Response, error)) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.askLong(ctx, out, send)
}

// askLong is ask without a timeout but the ctx's.
func (c *Client) askLong(ctx context.Context, out any, send func(ctx context.Context) (*http.Response, error)) error {
	resp, err := send(ctx) //nolint:bodyclose // answered closes it
	return c.answered(resp, err, nil, out)
}

func (c *Client) request(ctx context.Context, r call) (*http.Request, error) {
	var body io.Reader
	switch b := r.body.(type) {
	case nil:
	case io.Reader:
		body = b
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return nil, fmt.Errorf("request body: %w", err)
		}
		body, r.kind = bytes.NewReader(j), "application/json"
	}
	u := c.base.JoinPath(r.path)
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	if c.token != "" { // a client within the process is let in by its browser's session
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	if r.match != "" {
		req.Header.Set("If-Match", r.match)
	}
	return req, nil
}

// unreachable names the usual reasons.
func (c *Client) unreachable(err error) error {
	var unknown x509.UnknownAuthorityError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%s has a certificate of an unknown CA: give --ca data_dir/tls/ca.pem, or set SIPWARD_CA", c.base)
	case errors.As(err, &plain):
		return fmt.Errorf("%s does not speak TLS: write http:// instead of https://", c.base)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer in time: is the server up? (sipward doctor)", c.base)
	case strings.Contains(err.Error(), "connection refused"):
		return fmt.Errorf("nothing listens at %s: start the server (sipward serve), or give its address with --api", c.base)
	}
	return fmt.Errorf("%s cannot be reached: %w", c.base, errors.Unwrap(err))
}
