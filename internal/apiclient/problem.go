package apiclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Problem is a refusal (RFC 9457).
type Problem struct {
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Code      string  `json:"code"` // stable, for programs
	Detail    string  `json:"detail"`
	RequestID string  `json:"request_id"`
	Errors    []Fault `json:"errors"`
}

// Fault is one thing wrong with a request.
type Fault struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error is one line, and one more for each fault when there are several.
func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.Title, p.Detail)
	if len(p.Errors) > 1 {
		for _, f := range p.Errors {
			fmt.Fprintf(&b, "\n  %s %s", strings.TrimPrefix(f.Pointer, "/"), f.Message)
		}
	}
	if p.Status >= http.StatusInternalServerError {
		fmt.Fprintf(&b, " (request %s)", p.RequestID)
	}
	return b.String()
}

// later reports whether the server asked to be asked again.
func later(err error) bool {
	p, ok := errors.AsType[*Problem](err)
	return ok && (p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests)
}

func readProblem(resp *http.Response) error {
	p := &Problem{}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(body, p)
	}
	if strings.Contains(string(body), "HTTP request to an HTTPS server") { // net/http's own words
		return errors.New("the server speaks TLS there: write https:// in --api, and give its CA (--ca data_dir/tls/ca.pem, or SIPWARD_CA)")
	}
	if err != nil || p.Detail == "" {
		return fmt.Errorf("the server answered %s without saying why: is the address that of the admin API?", resp.Status)
	}
	p.Status = resp.StatusCode
	return p
}
