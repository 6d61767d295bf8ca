// Command modgate-conformance finds out whether a core, or a module, keeps the
// promises of the lifecycle's specification. README.md of the conformance
// folder is its manual.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitPassed = iota
	exitFailed // a case failed, or a module broke a promise
	exitUsage  // wrong flags or arguments; nothing was played
)

const usage = `modgate-conformance core   -command '.build/modgate serve {config}'   play the cases against a core
modgate-conformance module -command './my-module' -request "GET /things"   play the gateway against a module
modgate-conformance list   [-run REGEXP]                             what there is to play
modgate-conformance broken -command '...'                            which broken cores the cases catch

Each has -help.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return exitUsage
	}
	switch args[0] {
	case "core":
		return playCore(ctx, args[1:])
	case "module":
		return playModule(ctx, args[1:])
	case "broken":
		return broken(ctx, args[1:])
	case "list":
		return list(args[1:])
	}
	fmt.Fprintf(os.Stderr, "modgate-conformance: no %q\n%s", args[0], usage)
	return exitUsage
}
