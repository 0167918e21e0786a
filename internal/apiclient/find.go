package apiclient

import (
	"context"
	"fmt"

	"sipward/internal/apiclient/wire"
)

// FindAccount finds an account by its id, user or number. Users and numbers are both digits, so one reference may be the user of one account
// and the number of another: then it fails and names both, because acting on either would be a guess.
func (c *Client) FindAccount(ctx context.Context, ref string) (Account, error) {
	if len(ref) == 26 { // no user and no number is that long
		return c.Account(ctx, ref)
	}
	byUser, err := c.accountBy(ctx, wire.ListAccountsParams{User: &ref})
	if err != nil {
		return Account{}, err
	}
	byNumber, err := c.accountBy(ctx, wire.ListAccountsParams{Number: &ref})
	switch {
	case err != nil:
		return Account{}, err
	case byUser == nil && byNumber == nil:
		return Account{}, fmt.Errorf("there is no account with the id, user or number %q: see sipward account list", ref)
	case byUser == nil:
		return *byNumber, nil
	case byNumber == nil || byNumber.ID == byUser.ID:
		return *byUser, nil
	}
	return Account{}, fmt.Errorf("%q is the user of %s (id %s) and the number of %s (id %s): give the id of the one you mean",
		ref, byUser.Owner, byUser.ID, byNumber.Owner, byNumber.ID)
}

// accountBy finds the one account whose unique field is asked for; nil: there is none.
func (c *Client) accountBy(ctx context.Context, q wire.ListAccountsParams) (*Account, error) {
	found, err := c.accounts(ctx, q)
	if err != nil || len(found) != 1 {
		return nil, err
	}
	return &found[0], nil
}
