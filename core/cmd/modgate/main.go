// Command modgate runs the gateway and talks to a running one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes; README.md and --help document them.
const (
	exitOK      = 0
	exitFailed  = 1 // the command could not do what was asked
	exitUsage   = 2 // wrong flags or arguments
	exitDelayed = 3 // status: a module is delayed; announce: still pending
	exitMissing = 4 // status: a module is missing; announce: fenced or refused
)

const exitCodes = `Exit codes:
  0  done
  1  it could not be done
  2  wrong flags or arguments
  3  status: a module is delayed; announce: still pending
  4  status: a module is missing; announce: fenced or refused`

// exit is an error that carries an exit code. Its text may be empty: then
// everything was said already.
type exit struct {
	code int
	text string
}

func (e *exit) Error() string { return e.text }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(goFlags(args))
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	code := exitFailed
	var coded *exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &coded):
		code = coded.code
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, "modgate: "+text)
	}
	return code
}

// goStyle are flags that everyone who works in Go writes with one dash, by
// command. pflag would take -run for -r with the value "un".
var goStyle = map[string][]string{
	"policy test":  {"run"},
	"plugin new":   {"lang"},
	"plugin test":  {"run", "update"},
	"plugin bench": {"run"},
}

// goFlags gives the flags in goStyle their second dash.
func goFlags(args []string) []string {
	if len(args) < 2 {
		return args
	}
	args = slices.Clone(args)
	for i, a := range args {
		for _, flag := range goStyle[args[0]+" "+args[1]] {
			if a == "-"+flag || strings.HasPrefix(a, "-"+flag+"=") {
				args[i] = "-" + a
			}
		}
	}
	return args
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "modgate",
		Short: "A gateway for platforms of modules that depend on each other",
		Long: "modgate routes requests to modules, parks them while a module is updated or away,\n" +
			"and tells every module when one that it requires goes and comes back.\n\n" + exitCodes,
		Args:          oneOfItsCommands,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage(c, "%v", err)
	})
	root.AddCommand(serveCommand(), checkCommand(), fmtCommand(), importCommand(), statusCommand(), modulesCommand(), moduleCommand(), historyCommand(),
		processesCommand(), diffCommand(), reloadCommand(), announceCommand(), overrideCommand(), policyCommand(), pluginCommand(), conformanceCommand(), versionCommand())
	return root
}

// usage is the error of a wrong command line.
func usage(c *cobra.Command, format string, args ...any) error {
	return &exit{exitUsage, fmt.Sprintf(format, args...) + "; see " + c.CommandPath() + " --help"}
}

// exactly is cobra.ExactArgs with our exit code and words.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage(c, "want %s", what)
		}
		return nil
	}
}

// files wants the names of files or folders.
func files(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage(c, "want at least one file or folder of configuration")
	}
	return nil
}

// oneOfItsCommands refuses what is no command.
func oneOfItsCommands(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = nearby
	return usage(c, "there is no command %q%s", args[0], didYouMean(c.SuggestionsFor(args[0])))
}

// nearby is the distance (Levenshtein) up to which a name may be meant.
const nearby = 2

// nearest returns those of names that may be meant by name, as cobra judges
// it of its commands.
func nearest(name string, names []string) []string {
	c := &cobra.Command{SuggestionsMinimumDistance: nearby}
	for _, n := range names {
		c.AddCommand(&cobra.Command{Use: n, Run: func(*cobra.Command, []string) {}})
	}
	return c.SuggestionsFor(name)
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(names, " or ") + "?)"
}
