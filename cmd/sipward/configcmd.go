package main

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/spf13/cobra"
)

func configCommand(getenv lookup) *cobra.Command {
	var name string
	c := &cobra.Command{Use: "config", Short: "Check, print or explain the configuration"}
	c.PersistentFlags().StringVar(&name, "config", "", "configuration file (YAML)")
	c.AddCommand(
		&cobra.Command{Use: "check", Short: "Report every fault of the configuration", Args: nothing, RunE: func(c *cobra.Command, _ []string) error {
			if _, err := loadConfig(configFile(name, getenv), os.Environ()); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), "configuration ok")
			return err
		}},
		&cobra.Command{Use: "print", Short: "Print the configuration in force, secrets hidden", Args: nothing, RunE: func(c *cobra.Command, _ []string) error {
			conf, err := loadConfig(configFile(name, getenv), os.Environ())
			if err != nil {
				return err
			}
			return printConfig(c.OutOrStdout(), conf)
		}},
		&cobra.Command{Use: "docs", Short: "Explain every key, as a Markdown table", Args: nothing, RunE: func(c *cobra.Command, _ []string) error {
			_, err := io.WriteString(c.OutOrStdout(), configDocs())
			return err
		}},
	)
	return c
}

func printConfig(w io.Writer, c Config) error {
	for _, f := range fields() {
		value := show(f.value(reflect.ValueOf(c)))
		if f.Secret && value != "" {
			value = "[redacted]"
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", f.Key, value); err != nil {
			return err
		}
	}
	return nil
}

// configDocs is the table of the README.
func configDocs() string {
	var b strings.Builder
	b.WriteString("| key | default | |\n|---|---|---|\n")
	for _, f := range fields() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Key, f.Default, f.Doc)
	}
	return b.String()
}
