package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/gateway"
	"github.com/modgate/modgate/hcl"
)

func serveCommand() *cobra.Command {
	var level slog.Level
	cmd := &cobra.Command{
		Use:   "serve FILE|FOLDER...",
		Short: "Run the gateway",
		Long: "Run the gateway with the configuration of the named files and folders.\n" +
			"SIGHUP reads them again; a wrong one changes nothing. SIGTERM ends gracefully, with exit code 0.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &exit{exitUsage, "want at least one file or folder of configuration; see modgate serve --help"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			// Before the first read: a SIGHUP must never end the gateway.
			hangup := make(chan os.Signal, 1)
			signal.Notify(hangup, syscall.SIGHUP)
			defer signal.Stop(hangup)
			cfg, diagnostics := hcl.Load(paths...)
			if len(diagnostics) > 0 {
				fmt.Fprint(os.Stderr, diagnostics)
			}
			if cfg == nil {
				return &exit{exitFailed, "the configuration is wrong; nothing was started"}
			}
			log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
			g, err := gateway.Open(gateway.Options{
				Config: cfg, Log: log, Version: version(),
				Reload: func() (*config.Config, any) {
					cfg, diagnostics := hcl.Load(paths...)
					return cfg, diagnostics
				},
			})
			if err != nil {
				return err
			}
			return serve(cmd, g, hangup, log)
		},
	}
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	return cmd
}

// serve runs g until it is told to stop, reloading on hangup.
func serve(cmd *cobra.Command, g *gateway.Gateway, hangup <-chan os.Signal, log *slog.Logger) error {
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(cmd.Context()) }()
	for {
		select {
		case <-hangup:
			diagnostics, changed, err := g.Reload(cmd.Context())
			log.Info("reload", "changed", changed, "wrong", diagnostics, "cause", err)
		case err := <-ended:
			log.Info("stopping")
			if cerr := g.Close(); err == nil {
				err = cerr
			}
			return err
		}
	}
}

func checkCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "check FILE|FOLDER...",
		Short: "Say everything that is wrong with a configuration, without running it",
		Long:  "Exit code 0 when the configuration may be served, 1 when not.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &exit{exitUsage, "want at least one file or folder of configuration"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			cfg, diagnostics := hcl.Load(paths...)
			if output == "json" {
				if err := writeJSON(cmd.OutOrStdout(), map[string]any{"diagnostics": diagnostics}); err != nil {
					return err
				}
			} else {
				fmt.Fprint(cmd.OutOrStdout(), diagnostics)
			}
			if cfg == nil {
				return &exit{code: exitFailed}
			}
			if output != "json" {
				fmt.Fprintf(cmd.OutOrStdout(), "ok: %d modules, %d processes\n", len(cfg.Modules), len(cfg.Processes))
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}
