package main

import (
	"context"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
)

// groupCommand is "sipward group": containers of accounts.
func groupCommand(getenv lookup) *cobra.Command {
	r := &remote{getenv: getenv}
	return r.command("group", "List, create and delete groups of accounts", r.groupList(), r.groupCreate(), r.groupDelete())
}

func (r *remote) groups(c *cobra.Command, v any, groups ...apiclient.Group) error {
	rows := make([][]string, len(groups))
	for i, g := range groups {
		rows[i] = []string{g.ID, g.Name, orDash(g.ITEmail)}
	}
	return r.show(c.OutOrStdout(), v, "ID NAME IT-EMAIL", rows)
}

func (r *remote) groupList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List all groups by name", Args: nothing,
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, _ []string) error {
			groups, err := api.Groups(ctx)
			if err != nil {
				return err
			}
			return r.groups(c, groups, groups...)
		})}
}

func (r *remote) groupCreate() *cobra.Command {
	var email string
	c := &cobra.Command{Use: "create NAME", Short: "Create a group", Args: exactly("NAME")}
	c.RunE = r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
		g, err := api.CreateGroup(ctx, apiclient.NewGroup{Name: args[0], ITEmail: email})
		if err != nil {
			return err
		}
		return r.groups(c, g, g)
	})
	c.Flags().StringVar(&email, "it-email", "", "e-mail address of who runs the phones")
	return c
}

func (r *remote) groupDelete() *cobra.Command {
	return &cobra.Command{Use: "delete ID|NAME", Short: "Delete an empty group", Args: exactly("ID|NAME"),
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
			g, err := api.FindGroup(ctx, args[0])
			if err != nil {
				return err
			}
			if err := api.DeleteGroup(ctx, g.ID, g.Version); err != nil {
				return err
			}
			return r.done(c.OutOrStdout(), "group %s is deleted", g.Name)
		})}
}
