// Command modgate-conformance finds out whether a core, or a module, keeps the
// promises of the lifecycle's specification. README.md of the conformance
// folder is its manual. Beside what `modgate conformance` does it shows that
// the cases find faults, and none where there are none: broken cores are in no gateway's binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/modgate/modgate/conformance/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := command.Program{Name: "modgate-conformance", Stdout: os.Stdout, Stderr: os.Stderr, More: []command.Command{
		{Name: "broken", Usage: "broken -command '...'                                       which broken cores the cases catch", Run: broken},
		{Name: "stable", Usage: "stable -command '...' [-runs 10]                            whether they find faults where there are none", Run: stable},
	}}
	os.Exit(p.Run(ctx, os.Args[1:]))
}
