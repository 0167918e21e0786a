package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/template"
	"time"

	"sipward/internal/account"
	"sipward/internal/message"
)

// maxAnswer is how much of a gateway's answer is read.
const maxAnswer = 64 << 10

// Template says how a gateway is asked and understood. Paths lead into a JSON answer: "messages.0.status".
type Template struct {
	Method  string            // POST
	URL     string            // scheme and host as they are; path and query may hold templates
	Headers map[string]string // may hold templates
	Body    string            // a template; Content-Type decides how values are escaped
	Basic   bool              // user and password by HTTP Basic

	OK     string // path that must have the value OKIs; empty: any 2xx is a success
	OKIs   string
	Slow   string // value at OK that asks to slow down
	ID     string // path of the gateway's id; empty: ours (Ref) comes back in receipts
	Reason string // path of the words for a person

	ReceiptID     string            // parameter of a receipt with the id
	ReceiptStatus string            // and with the status
	ReceiptTo     string            // and with the number; empty: it does not say
	Statuses      map[string]string // the gateway's words for ours
}

// Config is a gateway by HTTP.
type Config struct {
	Template
	User     string
	Password account.Secret
	From     string
	Callback string // address for receipts, ours; it holds a secret
	Private  bool   // the gateway may be on loopback or a private network
}

// HTTP sends by HTTP. It is safe for concurrent use.
type HTTP struct {
	config  Config
	host    string
	client  *http.Client
	url     *template.Template
	body    *template.Template
	headers map[string]*template.Template
	form    bool // the body is a form, else JSON, else raw
	json    bool
	log     *slog.Logger
}

// HTTPName is how messages name this driver.
const HTTPName = "http"

// NewHTTP checks the templates.
func NewHTTP(c Config, log *slog.Logger) (*HTTP, error) {
	base, _, _ := strings.Cut(c.URL, "{{")
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" && (u.Scheme != "http" || !c.Private) || u.Host == "" || u.User != nil || !strings.Contains(strings.TrimPrefix(base, u.Scheme+"://"), "/") {
		return nil, errors.New("sms.http.url: want https://host/path (http:// only with sms.http.private), the host without a template")
	}
	h := &HTTP{config: c, host: u.Host, client: guarded(c.Private), headers: map[string]*template.Template{}, log: log}
	var faults []error
	parse := func(key, text string) *template.Template {
		t, err := template.New(key).Option("missingkey=error").Parse(text)
		if err == nil {
			err = t.Execute(io.Discard, values{})
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("sms.http.%s: %w", key, err))
		}
		return t
	}
	h.url, h.body = parse("url", c.URL), parse("body", c.Body)
	for name, v := range c.Headers {
		h.headers[name] = parse("headers."+name, v)
		if strings.EqualFold(name, "Content-Type") {
			h.form, h.json = strings.Contains(v, "form-urlencoded"), strings.Contains(v, "json")
		}
	}
	for word, s := range c.Statuses {
		if message.Status(s).Rank() < 0 {
			faults = append(faults, fmt.Errorf("sms.http.statuses.%s: %q is no status", word, s))
		}
	}
	return h, errors.Join(faults...)
}

// Name implements the outbox's Sender.
func (*HTTP) Name() string { return HTTPName }

// values are what templates may use, escaped for their place.
type values struct{ To, Digits, Text, Ref, From, User, Password, Callback, Coding, Type string }

func (h *HTTP) values(m message.Message, escape func(string) string) values {
	coding, kind := "0", "text"
	if strings.ContainsFunc(m.Content.Text, func(r rune) bool { return r > '~' }) {
		coding, kind = "2", "unicode"
	}
	e := escape
	return values{
		To: e(m.To), Digits: e(strings.TrimPrefix(m.To, "+")), Text: e(m.Content.Text), Ref: e(string(m.ID)), From: e(h.config.From),
		User: e(h.config.User), Password: e(h.config.Password.Reveal()), Callback: e(h.config.Callback), Coding: coding, Type: kind,
	}
}

// The escapes of the places.
func inJSON(s string) string {
	b, _ := json.Marshal(s) // a string never fails
	return string(b[1 : len(b)-1])
}
func inQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") } // good in a path as well
func inHeader(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ", "\x00", "").Replace(s)
}
func raw(s string) string { return s }

// request fills the templates in.
func (h *HTTP) request(ctx context.Context, m message.Message) (*http.Request, error) {
	var where, body strings.Builder
	escape := raw
	switch {
	case h.form:
		escape = inQuery
	case h.json:
		escape = inJSON
	}
	if err := errors.Join(h.url.Execute(&where, h.values(m, inQuery)), h.body.Execute(&body, h.values(m, escape))); err != nil {
		return nil, err
	}
	method := h.config.Method
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, where.String(), strings.NewReader(body.String()))
	if err != nil {
		return nil, err
	}
	if r.URL.Host != h.host {
		return nil, fmt.Errorf("the address leads to %q, not to the configured host", r.URL.Host)
	}
	for name, t := range h.headers {
		var v strings.Builder
		if err := t.Execute(&v, h.values(m, inHeader)); err != nil {
			return nil, err
		}
		r.Header.Set(name, v.String())
	}
	if h.config.Basic {
		r.SetBasicAuth(h.config.User, h.config.Password.Reveal())
	}
	return r, nil
}

// Send implements the outbox's Sender.
func (h *HTTP) Send(ctx context.Context, m message.Message) ([]string, error) {
	r, err := h.request(ctx, m)
	if err != nil {
		h.log.ErrorContext(ctx, "sms.http: the templates do not make a request", "err", err)
		return nil, &message.Failure{Reason: "the gateway's templates do not make a request: see the server's log", Gateway: true}
	}
	res, err := h.client.Do(r)
	if err != nil {
		var inner *url.Error // its URL may hold the text: only its cause is told
		if errors.As(err, &inner) {
			err = inner.Err
		}
		h.log.WarnContext(ctx, "sms.http: the gateway does not answer", "host", h.host, "err", err)
		return nil, &message.Failure{Reason: "the gateway does not answer", Gateway: true}
	}
	defer func() { _ = res.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, &message.Failure{Reason: "the gateway's answer broke off", Gateway: true}
	}
	return h.understand(m, res, body)
}

// understand sorts the gateway's answer.
func (h *HTTP) understand(m message.Message, res *http.Response, body []byte) ([]string, error) {
	f := &message.Failure{Reason: fmt.Sprintf("the gateway answered %d", res.StatusCode)}
	said := at(body, h.config.OK)
	switch code := res.StatusCode; {
	case code == http.StatusTooManyRequests || h.config.Slow != "" && said == h.config.Slow:
		f.Gateway, f.Retry = true, retryAfter(res)
		f.Reason = "the gateway asks to slow down"
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusPaymentRequired:
		f.Gateway = true // nothing can be sent: the credentials, or the account with the gateway
		f.Reason += ": check sms.http.user, its password and its credit"
	case code >= 500 || code >= 300 && code < 400 || code == http.StatusRequestTimeout:
		f.Gateway, f.Retry = true, retryAfter(res)
	case code >= 400 || h.config.OK != "" && said != h.config.OKIs:
		f.Permanent, f.Status = true, message.Rejected
		if why := harmless(at(body, h.config.Reason), m); why != "" {
			f.Reason += ": " + why
		}
	default:
		if h.config.ID == "" {
			return []string{string(m.ID)}, nil
		}
		return []string{at(body, h.config.ID)}, nil
	}
	return nil, f
}

// harmless is what a gateway says, unless it repeats the text.
func harmless(s string, m message.Message) string {
	s = strings.Join(strings.Fields(s), " ")
	if account.CheckText(s, 200) != nil || strings.Contains(s, "://") || s != "" && strings.Contains(m.Content.Text, s) {
		return ""
	}
	return s
}

func retryAfter(res *http.Response) time.Duration {
	n, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}

// at follows a path of names and indexes into a JSON document; "" when it leads nowhere.
func at(body []byte, path string) string {
	if path == "" {
		return ""
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return ""
	}
	for step := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(x) {
				return ""
			}
			v = x[i]
		default:
			return ""
		}
	}
	switch x := v.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case bool:
		return strconv.FormatBool(x)
	}
	return ""
}
