package sms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/message"
)

// maxAnswer is how much of a gateway's answer is read.
const maxAnswer = 64 << 10

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
