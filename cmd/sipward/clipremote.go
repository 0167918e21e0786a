package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
)

// clipCommands are those of "sipward clip" that ask a running server.
func clipCommands(getenv lookup) []*cobra.Command {
	r := &remote{getenv: getenv}
	all := []*cobra.Command{r.clipList(), r.clipPut(), r.clipDelete()}
	for _, c := range all {
		r.flags(c)
	}
	return all
}

func (r *remote) clipList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the announcements in use on the server", Args: nothing,
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, _ []string) error {
			clips, err := api.Clips(ctx)
			if err != nil {
				return err
			}
			return r.clips(c, clips, clips...)
		})}
}

func (r *remote) clipPut() *cobra.Command {
	return &cobra.Command{
		Use: "put PROMPT LANG FILE.wav", Short: "Upload an announcement; every node plays it at once", Args: exactly("PROMPT", "LANG", "FILE.wav"),
		Example: "  sipward clip put account-disabled en new.wav",
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
			f, err := os.Open(args[2])
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }()
			made, err := api.PutClip(ctx, args[1], args[0], f)
			if err != nil {
				return err
			}
			return r.clips(c, made, made)
		})}
}

func (r *remote) clipDelete() *cobra.Command {
	return &cobra.Command{Use: "delete PROMPT LANG", Short: "Bring the shipped announcement back", Args: exactly("PROMPT", "LANG"),
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
			if err := api.DeleteClip(ctx, args[1], args[0]); err != nil {
				return err
			}
			return r.done(c.OutOrStdout(), "the shipped clip %s (%s) is in use again", args[0], args[1])
		})}
}

func (r *remote) clips(c *cobra.Command, v any, clips ...apiclient.Clip) error {
	rows := make([][]string, len(clips))
	for i, k := range clips {
		by := "-"
		if k.UploadedBy != nil {
			by = *k.UploadedBy
		}
		length := fmt.Sprintf("%.1f s", (time.Duration(k.DurationMS) * time.Millisecond).Seconds())
		rows[i] = []string{k.Prompt, k.Language, k.Source, length, by}
	}
	return r.show(c.OutOrStdout(), v, "PROMPT LANG SOURCE LENGTH BY", rows)
}
