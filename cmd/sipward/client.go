package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
)

// defaultAPI is where the admin API listens unless http.admin says otherwise.
const defaultAPI = "http://127.0.0.1:8080"

// usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ error }

// ExitCode tells main.
func (usageError) ExitCode() int { return exitUsage }

// remote is what the commands share that ask a running server through its admin API.
type remote struct {
	api, token, ca, output string // the flags
	getenv                 lookup // what flags that are not given are taken from
}

// command is the parent of a group of such commands; alone it is a usage error that shows its help.
func (r *remote) command(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := parent(use, short, subs...)
	r.flags(c)
	return c
}

// parent is a command that is only the beginning of others.
func parent(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("%s has no command %q: see %s --help", c.CommandPath(), args[0], c.CommandPath())}
			}
			_ = c.Help()
			return usageError{fmt.Errorf("say what to do: one of the commands above")}
		},
	}
	c.AddCommand(subs...)
	return c
}

// flags are how such a command is told which server it is about.
func (r *remote) flags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&r.api, "api", "", "address of the admin API (SIPWARD_API; default "+defaultAPI+")")
	f.StringVar(&r.token, "token", "", "API token (SIPWARD_TOKEN, which unlike the flag other users of the machine cannot see)")
	f.StringVar(&r.ca, "ca", "", "PEM file of the CA that signed the server's certificate (SIPWARD_CA)")
	f.StringVarP(&r.output, "output", "o", "table", "table or json")
}

// do connects and runs f; its ctx ends with the program.
func (r *remote) do(f func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if r.output != "table" && r.output != "json" {
			return usageError{fmt.Errorf("-o %s is unknown: use table or json", r.output)}
		}
		api, err := apiclient.New(apiclient.Config{
			URL:    cmp.Or(r.api, r.getenv.value("SIPWARD_API"), defaultAPI),
			Token:  cmp.Or(r.token, r.getenv.value("SIPWARD_TOKEN")),
			CAFile: cmp.Or(r.ca, r.getenv.value("SIPWARD_CA")),
		})
		if err != nil {
			return usageError{err}
		}
		defer api.Close()
		return inWords(f(c.Context(), api, c, args))
	}
}

// show prints v as JSON, or rows as an aligned table under heads.
func (r *remote) show(w io.Writer, v any, heads string, rows [][]string) error {
	if r.output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if heads != "" {
		fmt.Fprintln(t, strings.ReplaceAll(heads, " ", "\t"))
	}
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// done says in words what a command without an answer did; JSON readers have the exit code.
func (r *remote) done(w io.Writer, format string, args ...any) error {
	if r.output == "json" {
		return nil
	}
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}

// exactly is cobra.ExactArgs with the arguments' names in its refusal.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usageError{fmt.Errorf("%s takes %s: see %s --help", c.CommandPath(), strings.Join(append([]string{"exactly"}, names...), " "), c.CommandPath())}
		}
		return nil
	}
}

func nothing(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, %q is too much: see %s --help", c.CommandPath(), args[0], c.CommandPath())}
	}
	return nil
}

func orDash(s string) string { return cmp.Or(s, "-") }
