package apiclient

import (
	"context"
	"net/http"

	"sipward/internal/apiclient/wire"
)

// Registrations lists the live contacts of an account; a contact's URI names it.
func (c *Client) Registrations(ctx context.Context, id string) ([]Registration, error) {
	return one[Registration](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.wire.AccountRegistrations(ctx, id) })
}

// Unregister removes one contact of an account by its URI, or all of them when that is empty.
func (c *Client) Unregister(ctx context.Context, id, uri string) error {
	return c.ask(ctx, nil, func(ctx context.Context) (*http.Response, error) {
		return c.wire.UnregisterAccount(ctx, id, &wire.UnregisterAccountParams{Contact: given(uri), IfMatch: tag(0)})
	})
}
