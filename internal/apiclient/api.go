package apiclient

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const v1 = "/api/v1"

type page[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// list fetches all pages.
func list[T any](ctx context.Context, c *Client, path string, q url.Values) ([]T, error) {
	all := []T{}
	for {
		var p page[T]
		if err := c.do(ctx, call{method: http.MethodGet, path: path, query: q}, &p); err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if p.Next == nil {
			return all, nil
		}
		if q == nil {
			q = url.Values{}
		}
		q.Set("cursor", *p.Next)
	}
}

// Groups lists all groups by name.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	return list[Group](ctx, c, v1+"/groups", nil)
}

// CreateGroup makes a group.
func (c *Client) CreateGroup(ctx context.Context, g NewGroup) (made Group, err error) {
	return made, c.do(ctx, call{method: http.MethodPost, path: v1 + "/groups", body: g}, &made)
}

// DeleteGroup deletes an empty group in the version given; 0: whatever is there.
func (c *Client) DeleteGroup(ctx context.Context, id string, version uint64) error {
	return c.do(ctx, call{method: http.MethodDelete, path: v1 + "/groups/" + seg(id), match: tag(version)}, nil)
}

// FindGroup finds a group by its id or its name.
func (c *Client) FindGroup(ctx context.Context, ref string) (Group, error) {
	groups, err := c.Groups(ctx)
	if err != nil {
		return Group{}, err
	}
	for _, g := range groups {
		if g.ID == ref || g.Name == ref {
			return g, nil
		}
	}
	return Group{}, fmt.Errorf("there is no group %q: see sipward group list", ref)
}

// Accounts lists accounts, the oldest first.
func (c *Client) Accounts(ctx context.Context, f Filter) ([]Account, error) {
	q := url.Values{"limit": {strconv.Itoa(200)}}
	for name, v := range map[string]string{"group_id": f.GroupID, "state": f.State, "type": f.Type, "q": f.Search} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return list[Account](ctx, c, v1+"/accounts", q)
}

// Account reads one account.
func (c *Client) Account(ctx context.Context, id string) (a Account, err error) {
	return a, c.do(ctx, call{method: http.MethodGet, path: v1 + "/accounts/" + seg(id)}, &a)
}

// CreateAccount makes an account.
func (c *Client) CreateAccount(ctx context.Context, a NewAccount) (made Account, err error) {
	return made, c.do(ctx, call{method: http.MethodPost, path: v1 + "/accounts", body: a}, &made)
}

// DeleteAccount deletes an account in the version given; 0: whatever is there.
func (c *Client) DeleteAccount(ctx context.Context, id string, version uint64) error {
	return c.do(ctx, call{method: http.MethodDelete, path: v1 + "/accounts/" + seg(id), match: tag(version)}, nil)
}

// Disable suspends an account; follow its Change until it is effective.
func (c *Client) Disable(ctx context.Context, id, reason string) (a Account, err error) {
	body := map[string]string{}
	if reason != "" {
		body["reason"] = reason
	}
	return a, c.do(ctx, call{method: http.MethodPost, path: v1 + "/accounts/" + seg(id) + "/disable", body: body}, &a)
}

// Enable lifts a suspension.
func (c *Client) Enable(ctx context.Context, id string) (a Account, err error) {
	return a, c.do(ctx, call{method: http.MethodPost, path: v1 + "/accounts/" + seg(id) + "/enable"}, &a)
}

// Change tells how far a change has come.
func (c *Client) Change(ctx context.Context, id string) (ch Change, err error) {
	return ch, c.do(ctx, call{method: http.MethodGet, path: v1 + "/changes/" + seg(id)}, &ch)
}

// Await asks at least once, and until a change is effective on all nodes or wait is over; the answer tells which.
func (c *Client) Await(ctx context.Context, id string, wait time.Duration) (Change, error) {
	const every = 100 * time.Millisecond
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		ch, err := c.Change(ctx, id)
		if err != nil || ch.Status == "effective" {
			return ch, err
		}
		select {
		case <-ctx.Done():
			return ch, ctx.Err()
		case <-over.C:
			return ch, nil
		case <-time.After(every):
		}
	}
}

// Nodes lists the living nodes.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	return list[Node](ctx, c, v1+"/nodes", nil)
}

// Tokens lists all tokens.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	return list[Token](ctx, c, v1+"/tokens", nil)
}

// CreateToken makes a token; the answer alone carries it.
func (c *Client) CreateToken(ctx context.Context, t NewToken) (made Token, err error) {
	return made, c.do(ctx, call{method: http.MethodPost, path: v1 + "/tokens", body: t}, &made)
}

// DeleteToken revokes a token.
func (c *Client) DeleteToken(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: v1 + "/tokens/" + seg(id), match: "*"}, nil)
}

// Export writes the whole state, one JSON object per line.
func (c *Client) Export(ctx context.Context, w io.Writer) error {
	return c.do(ctx, call{method: http.MethodGet, path: v1 + "/store/export", long: true}, w)
}

// Import writes what an export holds and the server does not have yet.
func (c *Client) Import(ctx context.Context, r io.Reader) (done Imported, err error) {
	// the wrapper keeps net/http from closing a file that is the caller's
	body := io.NopCloser(r)
	return done, c.do(ctx, call{method: http.MethodPost, path: v1 + "/store/import", body: body, kind: "application/x-ndjson", long: true}, &done)
}

// tag is the If-Match of a version.
func tag(version uint64) string {
	if version == 0 {
		return "*"
	}
	return `"` + strconv.FormatUint(version, 10) + `"`
}
