package apiclient

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"sipward/internal/apiclient/wire"
)

const ndjson = "application/x-ndjson"

// Groups lists all groups by name.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	return all[Group](ctx, c, func(ctx context.Context, cursor *string) (*http.Response, error) {
		return c.wire.ListGroups(ctx, &wire.ListGroupsParams{Cursor: cursor})
	})
}

// CreateGroup makes a group.
func (c *Client) CreateGroup(ctx context.Context, g NewGroup) (made Group, err error) {
	return made, c.ask(ctx, &made, func(ctx context.Context) (*http.Response, error) { return c.wire.CreateGroup(ctx, g) })
}

// DeleteGroup deletes an empty group in the version given; 0: whatever is there.
func (c *Client) DeleteGroup(ctx context.Context, id string, version uint64) error {
	return c.ask(ctx, nil, func(ctx context.Context) (*http.Response, error) {
		return c.wire.DeleteGroup(ctx, id, &wire.DeleteGroupParams{IfMatch: tag(version)})
	})
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
	limit := perPage
	return c.accounts(ctx, wire.ListAccountsParams{GroupID: given(f.GroupID), State: given(f.State), Type: given(f.Type), Q: given(f.Search), Limit: &limit})
}

func (c *Client) accounts(ctx context.Context, q wire.ListAccountsParams) ([]Account, error) {
	return all[Account](ctx, c, func(ctx context.Context, cursor *string) (*http.Response, error) {
		q.Cursor = cursor
		return c.wire.ListAccounts(ctx, &q)
	})
}

// Account reads one account.
func (c *Client) Account(ctx context.Context, id string) (a Account, err error) {
	return a, c.ask(ctx, &a, func(ctx context.Context) (*http.Response, error) { return c.wire.ShowAccount(ctx, id) })
}

// CreateAccount makes an account.
func (c *Client) CreateAccount(ctx context.Context, a NewAccount) (made Account, err error) {
	return made, c.ask(ctx, &made, func(ctx context.Context) (*http.Response, error) { return c.wire.CreateAccount(ctx, a) })
}

// DeleteAccount deletes an account in the version given; 0: whatever is there.
func (c *Client) DeleteAccount(ctx context.Context, id string, version uint64) error {
	return c.ask(ctx, nil, func(ctx context.Context) (*http.Response, error) {
		return c.wire.DeleteAccount(ctx, id, &wire.DeleteAccountParams{IfMatch: tag(version)})
	})
}

// Disable suspends an account; follow its Change until it is effective.
func (c *Client) Disable(ctx context.Context, id, reason string) (a Account, err error) {
	return a, c.ask(ctx, &a, func(ctx context.Context) (*http.Response, error) {
		return c.wire.DisableAccount(ctx, id, wire.DisableAccountJSONRequestBody{Reason: reason})
	})
}

// Enable lifts a suspension.
func (c *Client) Enable(ctx context.Context, id string) (a Account, err error) {
	return a, c.ask(ctx, &a, func(ctx context.Context) (*http.Response, error) {
		return c.wire.EnableAccount(ctx, id, wire.EnableAccountJSONRequestBody{})
	})
}

// Change tells how far a change has come.
func (c *Client) Change(ctx context.Context, id string) (ch Change, err error) {
	return ch, c.ask(ctx, &ch, func(ctx context.Context) (*http.Response, error) { return c.wire.ShowChange(ctx, id) })
}

// Await asks at least once, and until a change is effective on all nodes or wait is over; the answer tells which. A
// server that says it cannot tell just now (503, 429) is asked again: the change is made, only the answer is late.
func (c *Client) Await(ctx context.Context, id string, wait time.Duration) (Change, error) {
	const every = 100 * time.Millisecond
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		ch, err := c.Change(ctx, id)
		if err != nil && !later(err) || ch.Status == "effective" {
			return ch, err
		}
		select {
		case <-ctx.Done():
			return ch, ctx.Err()
		case <-over.C:
			return ch, err
		case <-time.After(every):
		}
	}
}

// Nodes lists the living nodes.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	return one[Node](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.wire.ListNodes(ctx) })
}

// Tokens lists all tokens.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	return one[Token](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.wire.ListTokens(ctx) })
}

// CreateToken makes a token; the answer alone carries it.
func (c *Client) CreateToken(ctx context.Context, t NewToken) (made Token, err error) {
	return made, c.ask(ctx, &made, func(ctx context.Context) (*http.Response, error) { return c.wire.CreateToken(ctx, t) })
}

// DeleteToken revokes a token.
func (c *Client) DeleteToken(ctx context.Context, id string) error {
	return c.ask(ctx, nil, func(ctx context.Context) (*http.Response, error) {
		return c.wire.DeleteToken(ctx, id, &wire.DeleteTokenParams{IfMatch: tag(0)})
	})
}

// Export writes the whole state, one JSON object per line.
func (c *Client) Export(ctx context.Context, w io.Writer) error {
	return c.askLong(ctx, w, func(ctx context.Context) (*http.Response, error) { return c.wire.ExportStore(ctx) })
}

// Import writes what an export holds and the server does not have yet.
func (c *Client) Import(ctx context.Context, r io.Reader) (done Imported, err error) {
	return done, c.askLong(ctx, &done, func(ctx context.Context) (*http.Response, error) {
		return c.wire.ImportStoreWithBody(ctx, ndjson, io.NopCloser(r)) // net/http must not close what is the caller's
	})
}

// tag is the If-Match of a version; 0: whatever is there.
func tag(version uint64) *string {
	t := "*"
	if version != 0 {
		t = `"` + strconv.FormatUint(version, 10) + `"`
	}
	return &t
}
