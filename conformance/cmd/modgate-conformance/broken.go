package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/modgate/modgate/conformance/command"
	"github.com/modgate/modgate/conformance/faulty"
)

// broken puts each faulty front before a core, and says which case catches
// it.
func broken(ctx context.Context, p *command.Program, args []string) int {
	f := p.Flags("broken")
	var c command.Core
	c.Register(f)
	if f.Parse(args) != nil {
		return command.ExitUsage
	}
	o, err := c.Options()
	if err != nil {
		return p.Misused(err)
	}
	if o.Running != nil {
		return p.Misused(errors.New("broken wants -command: it starts a core for each case"))
	}
	all, err := c.Cases()
	if err != nil {
		return p.Misused(err)
	}
	begun := time.Now()
	caught, err := faulty.Run(ctx, all, faulty.Variants(), o)
	if err != nil {
		return p.Misused(err)
	}
	code, n := command.ExitPassed, 0
	out := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	for _, v := range caught {
		verdict := "caught"
		switch {
		case v.Well():
			n++
		case v.Honest.Outcome.String() != "passed":
			verdict, code = "CASE FAILS BY ITSELF: "+v.Honest.Reason, command.ExitFailed
		default:
			verdict, code = "NOT CAUGHT", command.ExitFailed
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", v.Name, v.Rule, v.Case, verdict, v.Means)
	}
	if out.Flush() != nil {
		return command.ExitFailed
	}
	fmt.Fprintf(p.Stdout, "%d of %d broken cores caught in %.1f s\n", n, len(caught), time.Since(begun).Seconds())
	return code
}
