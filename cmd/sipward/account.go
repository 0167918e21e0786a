package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
)

// accountCommand is "sipward account": the lines of people and rooms.
func accountCommand(getenv lookup) *cobra.Command {
	r := &remote{getenv: getenv}
	return r.command("account", "List, create, show, disable, enable, trace and delete accounts",
		r.accountList(), r.accountCreate(), r.accountShow(), r.accountDisable(), r.accountEnable(), r.accountDelete(),
		r.accountRegistrations(), r.accountUnregister(), r.accountTrace())
}

func (r *remote) accountList() *cobra.Command {
	var f apiclient.Filter
	c := &cobra.Command{Use: "list", Short: "List accounts, the oldest first", Args: nothing}
	c.RunE = r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, _ []string) error {
		if err := findGroup(ctx, api, &f.GroupID); err != nil {
			return err
		}
		found, err := api.Accounts(ctx, f)
		if err != nil {
			return err
		}
		rows := make([][]string, len(found))
		for i, a := range found {
			rows[i] = []string{a.ID, a.User, a.Number, a.Type, a.State, a.Owner}
		}
		return r.show(c.OutOrStdout(), found, "ID USER NUMBER TYPE STATE OWNER", rows)
	})
	c.Flags().StringVar(&f.GroupID, "group", "", "only of this group (id or name)")
	c.Flags().StringVar(&f.State, "state", "", "only pending, active or disabled ones")
	c.Flags().StringVar(&f.Type, "type", "", "only PGSM or SNOM phones")
	c.Flags().StringVar(&f.Search, "search", "", "part of the owner, a number, the user or the description")
	return c
}

func (r *remote) accountCreate() *cobra.Command {
	var a apiclient.NewAccount
	var obfuscation, keepAlive, tlsOnly, messaging bool
	c := &cobra.Command{
		Use: "create", Short: "Create an account; a generated password is shown this once", Args: nothing,
		Example: "  sipward account create --group Sales --owner 'Ann Smith' --number +390212345678",
	}
	c.RunE = r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, _ []string) error {
		if err := findGroup(ctx, api, &a.GroupID); err != nil {
			return err
		}
		for name, set := range map[string]struct{ from, to **bool }{
			"obfuscation": {ptr(&obfuscation), &a.Obfuscation}, "keep-alive": {ptr(&keepAlive), &a.KeepAlive},
			"tls-only": {ptr(&tlsOnly), &a.TLSOnly}, "messaging": {ptr(&messaging), &a.Messaging},
		} {
			if c.Flags().Changed(name) {
				*set.to = *set.from
			}
		}
		made, err := api.CreateAccount(ctx, a)
		if err != nil {
			return err
		}
		return r.account(c, made)
	})
	f := c.Flags()
	f.StringVar(&a.GroupID, "group", "", "group (id or name)")
	f.StringVar(&a.Owner, "owner", "", "who has the phone")
	f.StringVar(&a.Number, "number", "", "E.164 with a leading +, or 2 to 8 digits")
	f.StringVar(&a.SecondaryNumber, "secondary-number", "", "a second number that reaches the same phone")
	f.StringVar(&a.Way, "way", "plain", "plain (usable at once) or wizard (pending until the phone activates itself)")
	f.StringVar(&a.Type, "type", "PGSM", "PGSM or SNOM")
	f.StringVar(&a.ProfileID, "profile", "", "id of a profile; the wizard way needs one (default ships with the product)")
	f.StringVar(&a.User, "user", "", "4 to 16 digits; left out: 8 random digits")
	f.StringVar(&a.Password, "password", "", "left out: a strong one is made and shown this once")
	f.StringVar(&a.Email, "email", "", "e-mail address")
	f.StringVar(&a.Language, "language", "", "en, it, fr, es or de")
	f.StringVar(&a.SecurityModel, "security-model", "", "end-to-site or end-to-end")
	f.StringVar(&a.ObfuscationKey, "obfuscation-key", "", "equal on server and phone")
	f.StringVar(&a.Description, "description", "", "free text")
	f.BoolVar(&obfuscation, "obfuscation", true, "disguise the VoIP traffic")
	f.BoolVar(&keepAlive, "keep-alive", false, "ask the phone every 180 s whether it is there")
	f.BoolVar(&tlsOnly, "tls-only", false, "refuse its phones over UDP and TCP")
	f.BoolVar(&messaging, "messaging", false, "secure messages")
	return c
}

func ptr[T any](v *T) **T { return &v }

// findGroup turns a group's name into its id.
func findGroup(ctx context.Context, api *apiclient.Client, ref *string) error {
	if *ref == "" {
		return nil
	}
	g, err := api.FindGroup(ctx, *ref)
	*ref = g.ID
	return err
}

// accountRef is how a person names an account.
const accountRef = "ID|USER|NUMBER"

// onAccount is a command on one account.
func (r *remote) onAccount(use, short string, f func(context.Context, *apiclient.Client, *cobra.Command, apiclient.Account) error) *cobra.Command {
	return &cobra.Command{Use: use + " " + accountRef, Short: short, Args: exactly(accountRef),
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
			a, err := api.FindAccount(ctx, args[0])
			if err != nil {
				return err
			}
			return f(ctx, api, c, a)
		})}
}

func (r *remote) accountShow() *cobra.Command {
	return r.onAccount("show", "Show an account", func(_ context.Context, _ *apiclient.Client, c *cobra.Command, a apiclient.Account) error {
		return r.account(c, a)
	})
}

func (r *remote) accountDisable() *cobra.Command {
	var reason string
	var wait time.Duration
	c := r.onAccount("disable", "Disable an account: it can neither call nor be called, and its calls are ended",
		func(ctx context.Context, api *apiclient.Client, c *cobra.Command, a apiclient.Account) error {
			a, err := api.Disable(ctx, a.ID, reason)
			if err != nil {
				return err
			}
			return r.turned(ctx, api, c, a, wait)
		})
	c.Flags().StringVar(&reason, "reason", "", "why; operators see it")
	waitFlag(c, &wait)
	return c
}

func (r *remote) accountEnable() *cobra.Command {
	var wait time.Duration
	c := r.onAccount("enable", "Enable an account again, at once",
		func(ctx context.Context, api *apiclient.Client, c *cobra.Command, a apiclient.Account) error {
			a, err := api.Enable(ctx, a.ID)
			if err != nil {
				return err
			}
			return r.turned(ctx, api, c, a, wait)
		})
	waitFlag(c, &wait)
	return c
}

func waitFlag(c *cobra.Command, wait *time.Duration) {
	c.Flags().DurationVar(wait, "wait", 0, "wait at most this long until every node has applied it (for example 5s)")
}

// turned shows the account, and with --wait whether all nodes have followed.
func (r *remote) turned(ctx context.Context, api *apiclient.Client, c *cobra.Command, a apiclient.Account, wait time.Duration) error {
	if wait > 0 {
		ch, err := api.Await(ctx, a.Change, wait)
		if err != nil {
			return err
		}
		if ch.Status != "effective" {
			return notYet(ch, a, wait)
		}
	}
	if r.output == "json" {
		return r.account(c, a)
	}
	return r.done(c.OutOrStdout(), "account %s (%s) is %s", a.User, a.Owner, a.State)
}

func notYet(ch apiclient.Change, a apiclient.Account, wait time.Duration) error {
	late := ""
	for _, n := range ch.Nodes {
		if !n.Effective {
			late += " " + n.ID
		}
	}
	return fmt.Errorf("account %s is %s, but after %s not on the nodes%s: see sipward node list", a.User, a.State, wait, late)
}

func (r *remote) accountDelete() *cobra.Command {
	var yes bool
	c := r.onAccount("delete", "Delete an account, for ever; asks first when typed at a terminal", func(ctx context.Context, api *apiclient.Client, c *cobra.Command, a apiclient.Account) error {
		if !yes {
			if err := confirm(c, fmt.Sprintf("Delete account %s (%s, number %s) for ever?", a.User, a.Owner, a.Number)); err != nil {
				return err
			}
		}
		if err := api.DeleteAccount(ctx, a.ID, a.Version); err != nil {
			return err
		}
		return r.done(c.OutOrStdout(), "account %s (%s) is deleted", a.User, a.Owner)
	})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask; a script, whose input is no terminal, is never asked")
	return c
}

// account shows one account, field by field.
func (r *remote) account(c *cobra.Command, a apiclient.Account) error {
	secondary, profile := "-", "the group's"
	if a.SecondaryNumber != nil {
		secondary = *a.SecondaryNumber
	}
	if a.ProfileID != nil {
		profile = *a.ProfileID
	}
	rows := [][]string{
		{"id", a.ID}, {"user", a.User}, {"number", a.Number}, {"secondary number", secondary}, {"owner", a.Owner}, {"state", a.State},
		{"type", a.Type}, {"way", a.Way}, {"group", a.GroupID}, {"profile", profile}, {"description", orDash(a.Description)},
		{"e-mail", orDash(a.Email)}, {"language", a.Language}, {"security model", a.SecurityModel},
		{"obfuscation", fmt.Sprintf("%v, key %s", a.Obfuscation, a.ObfuscationKey)}, {"keep-alive", fmt.Sprint(a.KeepAlive)},
		{"TLS only", fmt.Sprint(a.TLSOnly)}, {"messaging", fmt.Sprint(a.Messaging)}, {"created", a.CreatedAt.Format(time.RFC3339)},
	}
	if a.Activated != nil {
		rows = append(rows, []string{"activated", a.Activated.At.Format(time.RFC3339) + ", " + a.Activated.Method})
	}
	if a.Suspended != nil {
		rows = append(rows, []string{"disabled", a.Suspended.At.Format(time.RFC3339) + " by " + a.Suspended.By + ": " + orDash(a.Suspended.Reason)})
	}
	if a.Password != "" {
		rows = append(rows, []string{"password", a.Password + "  (shown this once)"})
	}
	return r.show(c.OutOrStdout(), a, "", rows)
}
