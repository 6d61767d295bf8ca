package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/gateway"
	"github.com/modgate/modgate/hcl"
)

func serveCommand() *cobra.Command {
	var level slog.Level
	var in hcl.Input
	var watch bool
	cmd := &cobra.Command{
		Use:   "serve FILE|FOLDER...",
		Short: "Run the gateway",
		Long: "Run the gateway with the configuration of the named files and folders.\n" +
			"SIGHUP reads them again, and so, with --watch, does a change of one of them; a wrong one changes\n" +
			"nothing. SIGTERM ends gracefully, with exit code 0.",
		Args: files,
		RunE: func(cmd *cobra.Command, paths []string) error {
			// Before the first read: a SIGHUP must never end the gateway.
			hangup := make(chan os.Signal, 1)
			signal.Notify(hangup, syscall.SIGHUP)
			defer signal.Stop(hangup)
			in.Paths = paths
			settle := collectLess()
			cfg, diagnostics := in.Load()
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
					cfg, diagnostics := in.Load()
					return cfg, diagnostics
				},
			})
			settle()
			if err != nil {
				return err
			}
			changed := make(chan struct{})
			if watch {
				var watching sync.WaitGroup
				defer watching.Wait()
				watching.Go(func() { in.Watch(cmd.Context(), look, func() { tell(cmd.Context(), changed) }) })
			}
			return serve(cmd, g, hangup, changed, log)
		},
	}
	inputFlags(cmd, &in)
	cmd.Flags().BoolVar(&watch, "watch", false, "read the files again when one of them changes, those that file() reads included")
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	return cmd
}

// startCollect is the garbage collector's percentage until the gateway is open.
// Of what a start makes next to nothing lives on; looking for it every four
// megabytes was a tenth of a start's work.
const startCollect = 800

// collectLess has garbage collected less often until settle is called, unless
// the operator has said how often (GOGC). A limit of memory (GOMEMLIMIT) is kept
// all the time.
func collectLess() (settle func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	percent := debug.SetGCPercent(startCollect)
	return func() { debug.SetGCPercent(percent) }
}

// look is how often the files are looked at.
const look = time.Second

// tell says that something changed to who listens, unless ctx ends before.
func tell(ctx context.Context, changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	case <-ctx.Done():
	}
}

// inputFlags declares what gives variables their values.
func inputFlags(cmd *cobra.Command, in *hcl.Input) {
	cmd.Flags().StringArrayVar(&in.Vars, "var", nil, "value of a variable, NAME=VALUE; may be there several times, and goes before --var-file")
	cmd.Flags().StringArrayVar(&in.VarFiles, "var-file", nil, "file of variables' values, NAME = VALUE on each line, or JSON; may be there several times")
}

// serve runs g until it is told to stop, reloading on hangup and when a file
// changed.
func serve(cmd *cobra.Command, g *gateway.Gateway, hangup <-chan os.Signal, changed <-chan struct{}, log *slog.Logger) error {
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(cmd.Context()) }()
	for {
		select {
		case <-hangup:
			reload(cmd, g, log)
		case <-changed:
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
