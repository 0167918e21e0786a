package sms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"text/template"

	"sipward/internal/account"
	"sipward/internal/message"
)

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
