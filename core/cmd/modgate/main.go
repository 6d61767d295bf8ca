// Command modgate runs the gateway and talks to a running one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes; README.md documents them.
const (
	exitOK      = 0
	exitFailed  = 1 // the command could not do what was asked
	exitUsage   = 2 // wrong flags or arguments
	exitDelayed = 3 // status: a module is delayed; announce: still pending
	exitMissing = 4 // status: a module is missing; announce: fenced or refused
)

// exit is an error that carries an exit code. Its text may be empty: then
// everything was said already.
type exit struct {
	code int
	text string
}

func (e *exit) Error() string { return e.text }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var coded *exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &coded):
		if coded.text != "" {
			fmt.Fprintln(os.Stderr, "modgate: "+coded.text)
		}
		return coded.code
	default:
		fmt.Fprintln(os.Stderr, "modgate: "+err.Error())
		return exitFailed
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "modgate",
		Short: "A gateway for platforms of modules that depend on each other",
		Long: "modgate routes requests to modules, parks them while a module is updated or away,\n" +
			"and tells every module when one that it requires goes and comes back.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &exit{exitUsage, err.Error() + "; see " + c.CommandPath() + " --help"}
	})
	root.AddCommand(serveCommand(), checkCommand(), statusCommand(), modulesCommand(), moduleCommand(),
		processesCommand(), reloadCommand(), announceCommand(), versionCommand())
	return root
}

// exactly is cobra.ExactArgs with our exit code.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return &exit{exitUsage, fmt.Sprintf("want %s; see %s --help", what, c.CommandPath())}
		}
		return nil
	}
}
