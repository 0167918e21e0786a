package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
)

// nodeCommand is "sipward node": the processes that serve.
func nodeCommand(getenv lookup) *cobra.Command {
	r := &remote{getenv: getenv}
	return r.command("node", "List the living nodes", r.nodeList())
}

func (r *remote) nodeList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the nodes seen within the last 10 seconds", Args: nothing,
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, _ []string) error {
			nodes, err := api.Nodes(ctx)
			if err != nil {
				return err
			}
			rows := make([][]string, len(nodes))
			for i, n := range nodes {
				rows[i] = []string{n.ID, n.Address, n.Version, n.StartedAt.Format(time.RFC3339), n.SeenAt.Format(time.RFC3339), loadOf(n)}
			}
			return r.show(c.OutOrStdout(), nodes, "ID ADDRESS VERSION STARTED SEEN LOAD", rows)
		})}
}

func loadOf(n apiclient.Node) string {
	words := make([]string, 0, len(n.Load))
	for _, name := range slices.Sorted(maps.Keys(n.Load)) {
		words = append(words, fmt.Sprintf("%s=%d", name, n.Load[name]))
	}
	return orDash(strings.Join(words, " "))
}
