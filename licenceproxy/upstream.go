package licenceproxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sony/gobreaker/v2"

	"sipward/internal/account"
	"sipward/internal/licence"
)

const (
	// askTime bounds one question to the vendor, from dialling to the last byte.
	askTime = 3 * time.Second
	// trips is how many failures in a row open the breaker, for restTime.
	trips    = 5
	restTime = 30 * time.Second
	// maxRetryAfter bounds how long the vendor can send us away.
	maxRetryAfter = 15 * time.Minute
)

// question is what the vendor is asked.
type question struct {
	Account account.ID `json:"account"`
	Product string     `json:"product"`
	OEMCode string     `json:"oem_code,omitempty"`
	etag    string
}

// reply is what the vendor has said.
type reply struct {
	raw       []byte
	etag      string
	unchanged bool // 304
	refused   bool // there is no licence
}

// busyError is a vendor that asks to be left alone for a while.
type busyError struct{ wait time.Duration }

func (e *busyError) Error() string {
	return fmt.Sprintf("the vendor asks us to wait %s", e.wait)
}

// vendor is the one client of the vendor's licence server. Its address is fixed: redirects are not followed, so that
// nobody but the configured server is ever sent our credential.
type vendor struct {
	url        string
	credential account.Secret
	http       *http.Client
	breaker    *gobreaker.CircuitBreaker[reply]
}

// newVendor returns nil when there is no vendor to ask.
func newVendor(c Config) (*vendor, error) {
	if c.Upstream == "" {
		return nil, nil
	}
	if err := CheckUpstream(c.Upstream); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
		DialContext:           (&net.Dialer{Timeout: askTime}).DialContext,
		TLSHandshakeTimeout:   askTime,
		ResponseHeaderTimeout: askTime,
		MaxConnsPerHost:       maxFlights, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: 16 << 10,
		DisableCompression:     true, // the bytes are signed as they are, and a small body cannot unpack to any size
		ForceAttemptHTTP2:      true,
	}
	return &vendor{
		url: strings.TrimRight(c.Upstream, "/") + "/v1/licences", credential: c.Credential,
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		breaker: gobreaker.NewCircuitBreaker[reply](gobreaker.Settings{
			Name: "licence vendor", Timeout: restTime,
			ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= trips },
		}),
	}, nil
}

// CheckUpstream is nil for an address that a vendor may have: HTTPS, or HTTP on this machine; or none.
func CheckUpstream(address string) error {
	u, err := url.Parse(address)
	if address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname()))) {
		return fmt.Errorf("licence.upstream: %q must begin with https:// (http:// only for this machine itself)", address)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ask puts a question, once more only when no connection came about. Its errors are failures: nothing is known.
func (v *vendor) ask(ctx context.Context, q question) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return v.breaker.Execute(func() (reply, error) {
		r, err := v.once(ctx, q)
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
			r, err = v.once(ctx, q)
		}
		return r, err
	})
}

func (v *vendor) once(ctx context.Context, q question) (reply, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return reply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/jose, application/problem+json")
	req.Header.Set("User-Agent", "sipward")
	if v.credential != "" {
		req.Header.Set("Authorization", "Bearer "+v.credential.Reveal())
	}
	if q.etag != "" {
		req.Header.Set("If-None-Match", q.etag)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		return reply{}, fmt.Errorf("ask the vendor: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	return read(resp)
}

// read turns an answer into a reply. Only a problem document in our protocol's words is a refusal: a 404 page of some
// web server on the way is a failure.
func read(resp *http.Response) (reply, error) {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusNotModified {
		return reply{unchanged: true}, nil
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, licence.MaxSize+1))
	switch {
	case err != nil:
		return reply{}, fmt.Errorf("read the vendor's answer: %w", err)
	case len(raw) > licence.MaxSize:
		return reply{}, fmt.Errorf("the vendor's answer is larger than %d bytes", licence.MaxSize)
	case resp.StatusCode == http.StatusOK && kind == "application/jose":
		return reply{raw: bytes.TrimSpace(raw), etag: tag(resp.Header.Get("ETag"))}, nil
	case (resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone) && kind == "application/problem+json" && noLicence(raw):
		return reply{refused: true}, nil
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		return reply{}, &busyError{wait: retryAfter(resp.Header.Get("Retry-After"))}
	}
	return reply{}, fmt.Errorf("the vendor answered %d with %q: want 200 with application/jose", resp.StatusCode, kind)
}

// noLicence is the code of a refusal (docs/licence.md).
func noLicence(body []byte) bool {
	var p struct {
		Code string `json:"code"`
	}
	return json.Unmarshal(body, &p) == nil && p.Code == "no_licence"
}

// tag keeps an entity tag that is worth sending back.
func tag(s string) string {
	if len(s) > 128 {
		return ""
	}
	return s
}

func retryAfter(s string) time.Duration {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxRetryAfter)
}
