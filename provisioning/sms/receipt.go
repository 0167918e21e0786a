package sms

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"sipward/internal/message"
	"sipward/internal/web"
)

// ReceiptPath is where gateways bring receipts on the public listener; the last part is the secret.
const ReceiptPath = "/sms/receipts/:secret"

// Receipts is the route of the public listener that takes this gateway's receipts: query, form or a flat JSON object.
func (h *HTTP) Receipts(secret string, take func(ctx context.Context, driver string, ids []string, r message.Receipt) error) []web.Route {
	handle := func(c *gin.Context) error {
		if subtle.ConstantTimeCompare([]byte(c.Param("secret")), []byte(secret)) != 1 {
			return web.NotFound("address")
		}
		get, err := fields(c)
		if err != nil {
			return err
		}
		r := message.Receipt{Status: h.status(get(h.config.ReceiptStatus)), To: get(h.config.ReceiptTo)}
		if id := get(h.config.ReceiptID); id != "" && len(id) <= 128 && h.config.ReceiptID != "" {
			if r.Status.Final() && r.Status != message.Delivered {
				r.Detail = "the gateway said " + plain(get(h.config.ReceiptStatus))
			}
			if err := take(c.Request.Context(), HTTPName, []string{id}, r); err != nil {
				return err // 503: the gateway comes again
			}
		}
		c.Status(http.StatusNoContent)
		return nil
	}
	return []web.Route{
		{Method: http.MethodPost, Path: ReceiptPath, Role: web.Public, MaxBody: 16 << 10, Handle: handle},
		{Method: http.MethodGet, Path: ReceiptPath, Role: web.Public, Handle: handle},
	}
}

func (h *HTTP) status(word string) message.Status {
	if s, ok := h.config.Statuses[word]; ok {
		return message.Status(s)
	}
	return message.Unknown
}

// plain is a gateway's word, or nothing when it is none.
func plain(s string) string {
	if len(s) > 32 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return "something that is no word"
	}
	return s
}

// fields reads a receipt however it was sent.
func fields(c *gin.Context) (func(name string) string, error) {
	if strings.HasPrefix(c.GetHeader("Content-Type"), "application/json") {
		var m map[string]any
		if err := json.NewDecoder(c.Request.Body).Decode(&m); err != nil {
			return nil, web.Bad("not_json", "the receipt is not a JSON object")
		}
		return func(name string) string { s, _ := m[name].(string); return s }, nil
	}
	if err := c.Request.ParseForm(); err != nil {
		return nil, web.Bad("not_form", "the receipt is no form")
	}
	return c.Request.Form.Get, nil
}
