package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/modgate/modgate/conformance/faulty"
)

// broken puts each faulty front before a core, and says which case catches
// it.
func broken(ctx context.Context, args []string) int {
	f := flag.NewFlagSet("broken", flag.ContinueOnError)
	var c coreFlags
	c.register(f)
	if f.Parse(args) != nil {
		return exitUsage
	}
	o, err := c.options()
	if err != nil || o.Running != nil {
		fmt.Fprintln(os.Stderr, "modgate-conformance: broken wants -command;", err)
		return exitUsage
	}
	all, ok := load()
	if !ok {
		return exitUsage
	}
	begun := time.Now()
	caught, err := faulty.Run(ctx, all, faulty.Variants(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "modgate-conformance:", err)
		return exitUsage
	}
	code, n := exitPassed, 0
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, v := range caught {
		verdict := "caught"
		switch {
		case v.Well():
			n++
		case v.Honest.Outcome.String() != "passed":
			verdict, code = "CASE FAILS BY ITSELF: "+v.Honest.Reason, exitFailed
		default:
			verdict, code = "NOT CAUGHT", exitFailed
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", v.Name, v.Rule, v.Case, verdict, v.Means)
	}
	if out.Flush() != nil {
		return exitFailed
	}
	fmt.Printf("%d of %d broken cores caught in %.1f s\n", n, len(caught), time.Since(begun).Seconds())
	return code
}
