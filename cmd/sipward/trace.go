package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
)

// accountTrace is "sipward account trace": what one account's phones and the server say to each other.
func (r *remote) accountTrace() *cobra.Command {
	return parent("trace", "Record the SIP messages of one account for a while, without secrets, and read them", r.traceStart(), r.traceShow(), r.traceStop())
}

func (r *remote) traceStart() *cobra.Command {
	var span time.Duration
	c := r.onAccount("start", "Record on all nodes; an earlier trace of the account is given up",
		func(ctx context.Context, api *apiclient.Client, c *cobra.Command, a apiclient.Account) error {
			minutes := int(span.Minutes())
			if span != time.Duration(minutes)*time.Minute || minutes < 1 || minutes > 60 {
				return fmt.Errorf("--for: want whole minutes from 1m to 60m, not %s", span)
			}
			t, err := api.StartTrace(ctx, a.ID, minutes)
			if err != nil {
				return err
			}
			return r.trace(c, t)
		})
	c.Flags().DurationVar(&span, "for", 10*time.Minute, "how long, in minutes up to 60m; 2,000 messages or 2 MiB end it sooner")
	return c
}

func (r *remote) traceShow() *cobra.Command {
	return r.onAccount("show", "Print what was recorded, in the order of its times; --output json gives a line for each message",
		func(ctx context.Context, api *apiclient.Client, c *cobra.Command, a apiclient.Account) error {
			format := "text"
			if r.output == "json" {
				format = "json"
			}
			return api.ExportTrace(ctx, a.ID, format, c.OutOrStdout())
		})
}

func (r *remote) traceStop() *cobra.Command {
	return r.onAccount("stop", "End the recording now; it can be read for a day",
		func(ctx context.Context, api *apiclient.Client, c *cobra.Command, a apiclient.Account) error {
			t, err := api.StopTrace(ctx, a.ID)
			if err != nil {
				return err
			}
			return r.trace(c, t)
		})
}

func (r *remote) trace(c *cobra.Command, t apiclient.Trace) error {
	return r.show(c.OutOrStdout(), t, "RUNNING UNTIL MESSAGES BY", [][]string{{fmt.Sprint(t.Running), t.Until.Local().Format(time.DateTime), fmt.Sprint(t.Messages), t.By}})
}
