package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// rootCommand is the command tree.
func rootCommand(getenv lookup) *cobra.Command {
	root := &cobra.Command{
		Use: "sipward", Short: "Self-hosted server for secure telephony",
		Long:          "sipward is a SIP registrar and proxy that enforces the state of its accounts and says so aloud.\nStart with: sipward serve --demo",
		SilenceErrors: true, SilenceUsage: true, Version: version(), Args: knownCommand, SuggestionsMinimumDistance: 2,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
	})
	root.AddCommand(serveCommand(getenv), configCommand(getenv), versionCommand(), demoCommand(), phoneCommand(getenv), clipCommand(getenv), doctorCommand(examine(getenv)))
	root.AddCommand(clientCommands(getenv)...)
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "sipward", version())
			return err
		},
	}
}

// systemConfig is read when it is there and nothing else is named.
const systemConfig = "/etc/sipward/sipward.yaml"

// configFile is the file of --config, else of SIPWARD_CONFIG, else the system's if there is one, else none.
func configFile(flag string, getenv lookup) string {
	if name := cmp.Or(flag, getenv.value("SIPWARD_CONFIG")); name != "" {
		return name
	}
	if _, err := os.Stat(systemConfig); err == nil {
		return systemConfig
	}
	return ""
}

// knownCommand refuses what is no command, with the one that was probably meant.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if like := c.SuggestionsFor(args[0]); len(like) > 0 {
		return usageError{fmt.Errorf("there is no command %q: did you mean %s?", args[0], like[0])}
	}
	return usageError{fmt.Errorf("there is no command %q: see %s --help", args[0], c.CommandPath())}
}

// clientCommands act on a server through its admin API.
func clientCommands(getenv lookup) []*cobra.Command {
	return []*cobra.Command{accountCommand(getenv), groupCommand(getenv), tokenCommand(getenv), auditCommand(getenv), nodeCommand(getenv), storeCommand(getenv)}
}
