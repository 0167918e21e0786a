package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// rootCommand is the command tree of CONTRACT.md.
func rootCommand(getenv func(string) (string, bool)) *cobra.Command {
	root := &cobra.Command{
		Use: "sipward", Short: "Self-hosted server for secure telephony",
		Long:          "sipward is a SIP registrar and proxy that enforces the state of its accounts and says so aloud.\nStart with: sipward serve --demo",
		SilenceErrors: true, SilenceUsage: true, Version: version(),
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
	})
	root.AddCommand(serveCommand(), configCommand(), versionCommand(), demoCommand(), phoneCommand(getenv), clipCommand(), doctorCommand(examine))
	root.AddCommand(clientCommands()...)
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

// configFile is the file of --config, else of SIPWARD_CONFIG, else none.
func configFile(flag string) string {
	if flag != "" {
		return flag
	}
	return os.Getenv("SIPWARD_CONFIG")
}

// clientCommands act on a server through its admin API.
func clientCommands() []*cobra.Command {
	return []*cobra.Command{accountCommand(), groupCommand(), tokenCommand(), nodeCommand(), storeCommand()}
}
