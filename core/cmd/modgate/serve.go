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
		Args: files,
		RunE: func(cmd *cobra.Command, paths []string) error {
			// Before the first read: a SIGHUP must never end the gateway.
			hangup := make(chan os.Signal, 1)
			signal.Notify(hangup, syscall.SIGHUP)
			defer signal.Stop(hangup)
			cfg, diagnostics := hcl.Load(paths...)
			if len(diagnostics) > 0 {
				fmt.Fprint(cmd.ErrOrStderr(), diagnostics)
			}
			if cfg == nil {
				return &exit{exitFailed, "the configuration is wrong; nothing was started"}
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
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
			reload(cmd, g, log)
		case err := <-ended:
			log.Info("stopping")
			if cerr := g.Close(); err == nil {
				err = cerr
			}
			return err
		}
	}
}

// reload reads the configuration again and says what came of it.
func reload(cmd *cobra.Command, g *gateway.Gateway, log *slog.Logger) {
	diagnostics, changed, err := g.Reload(cmd.Context())
	switch {
	case err != nil:
		log.Error("the new configuration could not be put in force", "cause", err)
	case diagnostics != nil:
		fmt.Fprintln(cmd.ErrOrStderr(), diagnostics)
		log.Error("the configuration is wrong; the former one stays in force")
	case changed:
		log.Info("the new configuration is in force")
	default:
		log.Info("the configuration is what it was")
	}
}
