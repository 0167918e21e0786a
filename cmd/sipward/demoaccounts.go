package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// demoAccount is what a newcomer types into a softphone.
type demoAccount struct{ User, Password, Number string }

// demoUsers are the three lines of --demo; users and numbers are the same to keep the tour short.
var demoUsers = [...]struct{ user, owner string }{{"1001", "Ada"}, {"1002", "Bruno"}, {"1003", "Carla"}}

// demoAccounts makes the demo group and accounts on the first start and returns them with their passwords, which are kept
// in data_dir/demo.txt (mode 0600): the store has only their hashes.
func (n *node) demoAccounts(ctx context.Context) ([]demoAccount, error) {
	file := filepath.Join(n.config.DataDir, "demo.txt")
	if b, err := os.ReadFile(file); err == nil {
		return n.living(ctx, parseDemo(string(b)))
	}
	g, err := n.store.Groups.Create(ctx, account.Group{ID: account.NewGroupID(), Name: "Demo", Created: time.Now(), Updated: time.Now()})
	if errors.Is(err, account.ErrTaken) {
		return nil, nil // another node of this store has made them
	}
	if err != nil {
		return nil, fmt.Errorf("demo accounts: %w", err)
	}
	var made []demoAccount
	var text strings.Builder
	for _, u := range demoUsers {
		password := account.NewSecret()
		if err := n.demoAccount(ctx, g.ID, u.user, u.owner, password); err != nil {
			return nil, fmt.Errorf("demo accounts: %w", err)
		}
		made = append(made, demoAccount{u.user, password.Reveal(), u.user})
		fmt.Fprintln(&text, u.user, password.Reveal(), u.user)
	}
	return made, os.WriteFile(file, []byte(text.String()), 0o600)
}

// living leaves out the accounts that have been deleted meanwhile.
func (n *node) living(ctx context.Context, list []demoAccount) (left []demoAccount, err error) {
	for _, d := range list {
		_, err := n.store.Accounts.CachedByUser(ctx, d.User)
		if errors.Is(err, account.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("demo accounts: %w", err)
		}
		left = append(left, d)
	}
	return left, nil
}

func (n *node) demoAccount(ctx context.Context, group account.GroupID, user, owner string, password account.Secret) error {
	now := time.Now()
	a := account.Account{
		ID: account.NewID(), Group: group, Way: account.Plain, Kind: account.PGSM, User: user, Number: account.Number(user), Owner: owner,
		Language: "en", Security: account.EndToSite, Obfuscation: true, ObfuscationKey: "9", Messaging: true,
		Activated: &account.Activation{At: now, Method: account.ByHand}, Created: now, Updated: now,
	}
	a.SetPassword(seal.NewRing("ha1", n.roots...), n.config.Domain, password)
	_, err := n.store.Accounts.Create(ctx, a)
	return err
}

func parseDemo(text string) (list []demoAccount) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 3 {
			list = append(list, demoAccount{f[0], f[1], f[2]})
		}
	}
	return list
}
