// Package command is the suite's command line: modgate-conformance is made of
// it, and so is `modgate conformance`. README.md of the conformance folder is
// its manual.
package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
)

// Exit codes.
const (
	ExitPassed = iota
	ExitFailed // a case failed, or a module broke a promise
	ExitUsage  // wrong flags or arguments; nothing was played
)

// Program is who runs the suite.
type Program struct {
	Name           string // as it is called, such as "modgate conformance"
	Stdout, Stderr io.Writer
	More           []Command // beside those of this package
}

// Command is one more of a Program.
type Command struct {
	Name, Usage string
	Run         func(ctx context.Context, p *Program, args []string) int
}

const usage = `%[1]s core   -command '.build/modgate serve {config}'        play the cases against a core
%[1]s module -command './my-module' -request 'GET /things'  play the gateway against a module
%[1]s adapter -command '...' -adapter a.wasm -module '...'    play a life of a module behind its adapter
%[1]s list   [-run REGEXP]                                  what there is to play
`

// Run takes a command line without the program's name, and returns the exit
// code.
func (p *Program) Run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		p.usage(p.Stderr)
		return ExitUsage
	}
	switch args[0] {
	case "core":
		return p.playCore(ctx, args[1:])
	case "module":
		return p.playModule(ctx, args[1:])
	case "adapter":
		return p.playAdapter(ctx, args[1:])
	case "list":
		return p.list(args[1:])
	case "help", "-h", "-help", "--help":
		p.usage(p.Stdout)
		return ExitPassed
	}
	for _, c := range p.More {
		if c.Name == args[0] {
			return c.Run(ctx, p, args[1:])
		}
	}
	fmt.Fprintf(p.Stderr, "%s: no %q\n", p.Name, args[0])
	p.usage(p.Stderr)
	return ExitUsage
}

func (p *Program) usage(w io.Writer) {
	text := usage
	for _, c := range p.More {
		text += "%[1]s " + c.Usage + "\n"
	}
	fmt.Fprintf(w, text+"\nEach has -help.\n", p.Name)
}

// Flags returns the set of flags of a command, which says on Stderr what is
// wrong with them.
func (p *Program) Flags(command string) *flag.FlagSet {
	f := flag.NewFlagSet(strings.TrimSpace(p.Name+" "+command), flag.ContinueOnError)
	f.SetOutput(p.Stderr)
	return f
}

// Misused says what is wrong with the command line, and returns its exit code.
func (p *Program) Misused(err error) int {
	fmt.Fprintf(p.Stderr, "%s: %v\n", p.Name, err)
	return ExitUsage
}
