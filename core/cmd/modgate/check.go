package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/hcl"
)

func checkCommand() *cobra.Command {
	var output format
	var in hcl.Input
	cmd := &cobra.Command{
		Use:   "check FILE|FOLDER...",
		Short: "Say everything that is wrong with a configuration, without running it",
		Long:  "Exit code 0 when the configuration may be served, 1 when not.",
		Args:  files,
		RunE: func(cmd *cobra.Command, paths []string) error {
			in.Paths = paths
			cfg, diagnostics := in.Load()
			out := cmd.OutOrStdout()
			switch {
			case output.json:
				if err := writeJSON(out, map[string]any{"diagnostics": diagnostics}); err != nil {
					return err
				}
			default:
				fmt.Fprint(out, diagnostics)
			}
			if cfg == nil {
				return &exit{code: exitFailed}
			}
			if !output.json {
				fmt.Fprintf(out, "ok: %s, %s\n", count(len(cfg.Modules), "module", "modules"), count(len(cfg.Processes), "process", "processes"))
			}
			return nil
		},
	}
	output.flag(cmd)
	inputFlags(cmd, &in)
	return cmd
}
