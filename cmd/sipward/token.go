package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
)

// tokenCommand is "sipward token": who may use the API.
func tokenCommand(getenv lookup) *cobra.Command {
	r := &remote{getenv: getenv}
	return r.command("token", "List, create and delete API tokens", r.tokenList(), r.tokenCreate(), r.tokenDelete())
}

func (r *remote) tokenList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List all tokens, never their secrets", Args: nothing,
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, _ []string) error {
			tokens, err := api.Tokens(ctx)
			if err != nil {
				return err
			}
			rows := make([][]string, len(tokens))
			for i, t := range tokens {
				rows[i] = []string{t.ID, t.Role, t.CreatedAt.Format(time.RFC3339), until(t), t.Name}
			}
			return r.show(c.OutOrStdout(), tokens, "ID ROLE CREATED EXPIRES NAME", rows)
		})}
}

func until(t apiclient.Token) string {
	if t.ExpiresAt == nil {
		return "never"
	}
	return t.ExpiresAt.Format(time.RFC3339)
}

func (r *remote) tokenCreate() *cobra.Command {
	var role string
	var expires time.Duration
	c := &cobra.Command{Use: "create NAME", Short: "Create a token; it is shown this once", Args: exactly("NAME")}
	c.RunE = r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
		t := apiclient.NewToken{Name: args[0], Role: role}
		if c.Flags().Changed("expires") && expires <= 0 {
			return fmt.Errorf("--expires %s: give a lifetime above zero, or leave it out for a token without an end", expires)
		}
		if expires > 0 {
			at := time.Now().Add(expires).UTC().Truncate(time.Second)
			t.ExpiresAt = &at
		}
		made, err := api.CreateToken(ctx, t)
		if err != nil {
			return err
		}
		return r.show(c.OutOrStdout(), made, "", [][]string{
			{"id", made.ID}, {"name", made.Name}, {"role", made.Role}, {"expires", until(made)}, {"token", made.Token + "  (shown this once)"},
		})
	})
	c.Flags().StringVar(&role, "role", "operator", "superadmin, admin, operator or auditor")
	c.Flags().DurationVar(&expires, "expires", 0, "lifetime, for example 720h; left out: no end")
	return c
}

func (r *remote) tokenDelete() *cobra.Command {
	return &cobra.Command{Use: "delete ID", Short: "Revoke a token at once", Args: exactly("ID"),
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
			if err := api.DeleteToken(ctx, args[0]); err != nil {
				return err
			}
			return r.done(c.OutOrStdout(), "token %s is revoked", args[0])
		})}
}
