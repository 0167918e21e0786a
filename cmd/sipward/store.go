package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
)

// storeCommand is "sipward store": the whole state, out and in.
func storeCommand(getenv lookup) *cobra.Command {
	r := &remote{getenv: getenv}
	return r.command("store", "Export and import groups, profiles, accounts, tokens and clips", r.storeExport(), r.storeImport())
}

func (r *remote) storeExport() *cobra.Command {
	return &cobra.Command{
		Use: "export FILE", Short: "Write groups, profiles, accounts, tokens and clips to a file (- is the standard output)", Args: exactly("FILE"),
		Long: "Secrets stay sealed in the file: to use it on another system, take the root key of this one along.",
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
			if args[0] == "-" {
				return api.Export(ctx, c.OutOrStdout())
			}
			if err := whole(args[0], func(w io.Writer) error { return api.Export(ctx, w) }); err != nil {
				return err
			}
			return r.done(c.OutOrStdout(), "exported to %s", args[0])
		})}
}

// whole leaves either the whole file or none: a backup that was cut off must not replace a good one.
func whole(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*") // mode 0600
	if err != nil {
		return fmt.Errorf("export: %w", naming(path, err))
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// source opens a file, or the standard input for "-"; the func closes it.
func source(c *cobra.Command, name string) (io.Reader, func(), error) {
	if name == "-" {
		return c.InOrStdin(), func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	return f, func() { _ = f.Close() }, nil
}

func (r *remote) storeImport() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Bring in what a file of export holds and the server does not have (- is the standard input)", Args: exactly("FILE"),
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
			in, closed, err := source(c, args[0])
			if err != nil {
				return err
			}
			defer closed()
			done, err := api.Import(ctx, in)
			if err != nil {
				return err
			}
			n := done.Created
			rows := [][]string{
				{"groups", fmt.Sprint(n.Groups)}, {"profiles", fmt.Sprint(n.Profiles)}, {"accounts", fmt.Sprint(n.Accounts)}, {"tokens", fmt.Sprint(n.Tokens)}, {"clips", fmt.Sprint(n.Clips)},
			}
			for _, s := range done.Skipped {
				rows = append(rows, []string{"left as it is", s})
			}
			if more := done.SkippedTotal - len(done.Skipped); more > 0 {
				rows = append(rows, []string{"left as it is", fmt.Sprintf("and %d more", more)})
			}
			return r.show(c.OutOrStdout(), done, "", rows)
		})}
}
