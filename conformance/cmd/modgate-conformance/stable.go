package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/modgate/modgate/conformance/command"
	"github.com/modgate/modgate/conformance/suite"
)

// stable plays all cases again and again against a good core while every CPU
// has something else to do: each failure is a fault of the suite's.
func stable(ctx context.Context, p *command.Program, args []string) int {
	f := p.Flags("stable")
	var c command.Core
	c.Register(f)
	runs := f.Int("runs", 10, "how many times, in a row")
	busy := f.Int("busy", runtime.NumCPU(), "processes that only compute meanwhile")
	if f.Parse(args) != nil {
		return command.ExitUsage
	}
	o, err := c.Options()
	if err != nil {
		return p.Misused(err)
	}
	if *runs < 1 || *busy < 0 {
		return p.Misused(errors.New("want -runs from 1 on, and -busy from 0 on"))
	}
	all, err := c.Cases()
	if err != nil {
		return p.Misused(err)
	}
	idle, err := load(ctx, *busy)
	if err != nil {
		return p.Misused(err)
	}
	defer idle()
	failed := 0
	for run := range *runs {
		begun := time.Now()
		results, err := suite.Run(ctx, all, o)
		if err != nil {
			return p.Misused(err)
		}
		wrong := 0
		for _, r := range results {
			if r.Outcome == suite.Failed {
				wrong++
				fmt.Fprintf(p.Stdout, "run %d: %s: %s\n", run+1, r.Case.Name, r.Reason)
			}
		}
		failed += wrong
		fmt.Fprintf(p.Stdout, "run %d of %d: %d cases, %d failed, %.1f s\n", run+1, *runs, len(results), wrong, time.Since(begun).Seconds())
	}
	fmt.Fprintf(p.Stdout, "%d runs with %d busy processes: %d false failures\n", *runs, *busy, failed)
	if failed > 0 {
		return command.ExitFailed
	}
	return command.ExitPassed
}

// load starts n processes that compute until idle is called, or ctx ends.
func load(ctx context.Context, n int) (idle func(), err error) {
	ctx, stop := context.WithCancel(ctx)
	var running []*exec.Cmd
	idle = func() {
		stop()
		for _, cmd := range running {
			cmd.Wait() //nolint:errcheck // it was killed
		}
	}
	for range n {
		cmd := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			idle()
			return nil, fmt.Errorf("keep a CPU busy: %w", err)
		}
		running = append(running, cmd)
	}
	return idle, nil
}
