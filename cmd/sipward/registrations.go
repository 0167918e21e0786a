package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
)

func (r *remote) accountRegistrations() *cobra.Command {
	return r.onAccount("registrations", "Show where an account is registered", func(ctx context.Context, api *apiclient.Client, c *cobra.Command, a apiclient.Account) error {
		found, err := api.Registrations(ctx, a.ID)
		if err != nil {
			return err
		}
		rows := make([][]string, len(found))
		for i, b := range found {
			rows[i] = []string{b.URI, b.Received, b.Network, b.Node, b.ExpiresAt.Format(time.RFC3339), orDash(b.UserAgent)}
		}
		return r.show(c.OutOrStdout(), found, "CONTACT RECEIVED NETWORK NODE EXPIRES AGENT", rows)
	})
}

func (r *remote) accountUnregister() *cobra.Command {
	var contact string
	c := r.onAccount("unregister", "Remove the registrations of an account; phones that are alive come back by themselves",
		func(ctx context.Context, api *apiclient.Client, c *cobra.Command, a apiclient.Account) error {
			if err := api.Unregister(ctx, a.ID, contact); err != nil {
				return err
			}
			return r.done(c.OutOrStdout(), "account %s (%s): registrations removed", a.User, a.Owner)
		})
	c.Flags().StringVar(&contact, "contact", "", "only this one (CONTACT of sipward account registrations)")
	return c
}
