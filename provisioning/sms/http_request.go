package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"sipward/internal/message"
)

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
