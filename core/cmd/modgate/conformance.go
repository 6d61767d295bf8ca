package main

import (
	"github.com/spf13/cobra"

	"github.com/modgate/modgate/conformance/command"
)

// conformanceCommand is the suite's own command line, flags and all.
func conformanceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "conformance core|module|adapter|list",
		Short: "Find out whether a gateway, or a module, keeps the promises",
		Long: "Play the conformance suite against any gateway, this one too, or play the gateway against a module\n" +
			"of yours. Without arguments it says what there is; each of its commands has -help.",
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			p := command.Program{Name: c.CommandPath(), Stdout: c.OutOrStdout(), Stderr: c.ErrOrStderr()}
			switch p.Run(c.Context(), args) {
			case command.ExitPassed:
				return nil
			case command.ExitUsage:
				return &exit{code: exitUsage}
			}
			return &exit{code: exitFailed}
		},
	}
}
