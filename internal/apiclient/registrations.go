package apiclient

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Registration is a contact that an account is bound to.
type Registration struct {
	URI      string    `json:"uri"` // names it
	Received string    `json:"received"`
	Network  string    `json:"network"`
	Agent    string    `json:"user_agent"`
	Node     string    `json:"node"`
	Since    time.Time `json:"since"`
	Expires  time.Time `json:"expires_at"`
}

// Registrations lists the live contacts of an account.
func (c *Client) Registrations(ctx context.Context, id string) ([]Registration, error) {
	return list[Registration](ctx, c, v1+"/accounts/"+seg(id)+"/registrations", nil)
}

// Unregister removes one contact of an account by its URI, or all of them when that is empty.
func (c *Client) Unregister(ctx context.Context, id, uri string) error {
	r := call{method: http.MethodDelete, path: v1 + "/accounts/" + seg(id) + "/registrations", match: "*"}
	if uri != "" {
		r.query = url.Values{"contact": {uri}}
	}
	return c.do(ctx, r, nil)
}
