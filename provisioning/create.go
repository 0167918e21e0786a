package provisioning

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

// userTries is how often a random user is drawn anew; of 10^8 names a free one is found at once.
const userTries = 8

func (a *API) createAccount(c *gin.Context) error {
	var b accountBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	acc, secret, err := a.build(c.Request.Context(), b)
	if err != nil {
		return err
	}
	acc, err = a.store(c.Request.Context(), acc, secret, !b.User.Set)
	if err != nil {
		return err
	}
	view := web.NewAccount(acc)
	view.Change = web.ChangeID(acc.ID, acc.Version)
	if generated(b) {
		view.Password = secret.Reveal() // this once; what is kept are sealed hashes
	}
	c.Header("Location", "/api/v1/accounts/"+string(acc.ID))
	return web.Changed(c, http.StatusCreated, web.Tag(acc.Version), view)
}

func generated(b accountBody) bool { return !b.Password.Set || b.Password.Null }

// build makes the account that the body asks for, or says everything that is wrong with it.
func (a *API) build(ctx context.Context, b accountBody) (account.Account, account.Secret, error) {
	var f web.Faults
	now := a.Now().UTC()
	acc := defaults()
	acc.ID, acc.Created, acc.Updated = account.NewID(), now, now
	oneOf(&f, "/way", b.Way, &acc.Way, account.Plain, account.Plain, account.Wizard)
	b.apply(&acc, &f)
	switch acc.Way {
	case account.Wizard:
		wizard(&f, b)
	default:
		_ = acc.Activate(account.ByHand, now) // fails only for a suspended account
	}
	if err := errors.Join(a.inGroup(ctx, &f, b.Group, &acc), a.knows(ctx, &f, acc.Profile)); err != nil {
		return acc, "", err
	}
	secret := account.NewSecret()
	if !generated(b) {
		secret = password(&f, b.Password.Value, acc)
	}
	return acc, secret, f.Err()
}

// wizard holds what the wizard way asks for beyond the others.
func wizard(f *web.Faults, b accountBody) {
	if b.Profile.Or("") == "" {
		f.Add("/profile_id", "required", `is missing: the wizard way needs a profile ("default" ships with the product)`)
	}
	if b.User.Set {
		f.Add("/user", "not_here", "is made by the server in the wizard way: leave it out, or use the way plain")
	}
}

// inGroup puts the account into the group asked for; an account outside a group cannot exist.
func (a *API) inGroup(ctx context.Context, f *web.Faults, id web.Opt[string], acc *account.Account) error {
	if !id.Set && acc.Group != "" {
		return nil
	}
	acc.Group = account.GroupID(id.Value)
	if acc.Group == "" {
		f.Add("/group_id", "required", "is missing: every account belongs to a group (make one with POST /api/v1/groups)")
		return nil
	}
	err := account.ErrNotFound
	if acc.Group.Valid() {
		_, err = a.Groups.ByID(ctx, acc.Group)
	}
	if errors.Is(err, account.ErrNotFound) {
		f.Add("/group_id", "unknown", "there is no such group: list them with GET /api/v1/groups")
		return nil
	}
	return err
}

// store writes a new account; with random set, under a user name that nobody has.
func (a *API) store(ctx context.Context, acc account.Account, secret account.Secret, random bool) (account.Account, error) {
	for range userTries {
		if random {
			acc.User = randomUser()
		}
		acc.Credential = account.Credential{}
		acc.SetPassword(a.Ring, a.config.Realm, secret)
		made, err := a.Accounts.Create(ctx, acc)
		var taken *account.TakenError
		if random && errors.As(err, &taken) && taken.Field == "user" {
			continue
		}
		return made, err
	}
	return acc, web.Unavailable("no free user name was found: repeat the request", nil)
}

// randomUser draws 8 random digits.
func randomUser() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1e8))
	if err != nil {
		panic(err) // crypto/rand never fails since Go 1.24
	}
	return fmt.Sprintf("%08d", n)
}
