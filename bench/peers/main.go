// Command peers measures what modgate costs per request beside a naive fasthttp
// proxy before the same backend. Each is a process of its own; wrk sends the
// requests, to one and the other in turns.
//
// It decides nothing: it prints figures and writes them down, and its exit code
// says only whether they could be measured. README.md beside it says how to
// read them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/modgate/modgate/bench/process"
)

// options are what may be chosen.
type options struct {
	leg         time.Duration // of load on one proxy, whole seconds
	rounds      int
	connections int
	only        string // measure the workloads that have this in their names
	out         string // folder of the binaries, logs and the result
}

// longest bounds all legs together: the modules' leases, which nobody renews,
// must outlive them.
const longest = 4 * time.Minute

func main() {
	var o options
	flag.DurationVar(&o.leg, "leg", time.Second, "how long one proxy is loaded at a time, in whole seconds")
	flag.IntVar(&o.rounds, "rounds", 6, "how often each workload is measured on each proxy")
	flag.IntVar(&o.connections, "connections", 32, "connections that wrk holds open")
	flag.StringVar(&o.only, "only", "", "measure only workloads with this in their names, such as \"64 KiB\"")
	process.Out(&o.out)
	process.Main("peers", func() error { return o.validate() }, func(ctx context.Context) error { return run(ctx, o) })
}

func (o options) validate() error {
	switch {
	case o.leg < time.Second || o.leg%time.Second != 0:
		return errors.New("-leg: want whole seconds, such as 2s")
	case o.rounds < 1:
		return errors.New("-rounds: want at least 1")
	case o.connections < 1:
		return errors.New("-connections: want at least 1")
	case len(workloads(o.only)) == 0:
		return fmt.Errorf("-only: no workload has %q in its name", o.only)
	case o.total() > longest:
		return fmt.Errorf("-leg and -rounds: %s of load; want at most %s", o.total(), longest)
	}
	return nil
}

// total is how long the proxies are loaded, one warming leg of each included.
func (o options) total() time.Duration {
	return o.leg * time.Duration(2*(o.rounds+1)*len(workloads(o.only)))
}

func run(ctx context.Context, o options) error {
	if err := process.Build(ctx, o.out, "./core/cmd/modgate", "./bench/naive", "./bench/backend"); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "modgate-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	ctx, cancel := context.WithTimeout(ctx, 2*o.total()+time.Minute)
	defer cancel()

	s, err := openScene(ctx, o.out, scratch)
	if err != nil {
		return err
	}
	defer s.close()
	fmt.Printf("%d modules, %d routes; about %s\n", moduleCount, routeCount, o.total())
	r, err := s.measure(ctx, o)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	file := filepath.Join(o.out, "peers.json")
	if err := r.write(file); err != nil {
		return err
	}
	r.print(os.Stdout)
	fmt.Println("written to", file)
	return nil
}
