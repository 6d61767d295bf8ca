// Command parking measures what it costs modgate to hold many requests of a
// module that is away, how soon all are answered when it is back, and how soon
// the place of a client that leaves is free.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/modgate/modgate/bench/gateway"
	"github.com/modgate/modgate/bench/process"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// options are what may be chosen.
type options struct {
	requests int
	rate     int // requests a second that the module takes
	leaves   int
	tls      bool
	out      string
}

func main() {
	var o options
	flag.IntVar(&o.requests, "requests", 15_000, "parked at once, each on a connection of its own")
	flag.IntVar(&o.rate, "rate", 10_000, "requests a second that the module takes")
	flag.IntVar(&o.leaves, "leaves", 300, "clients that leave while they are parked, one after the other")
	flag.BoolVar(&o.tls, "tls", false, "clients speak TLS")
	process.Out(&o.out)
	process.Main("parking", func() error { return o.validate() }, func(ctx context.Context) error { return run(ctx, o) })
}

func (o options) validate() error {
	if o.requests < 1 || o.rate < 1 || o.leaves < 0 || o.leaves >= o.requests {
		return errors.New("want at least one request a second, and -requests above -leaves")
	}
	return nil
}

const settings = `  limits {
    connections = 30000
  }
  parking {
    per_module = 30000
    per_caller = 30000
    bytes      = "1GiB"
  }
%s`

const tlsSettings = `  https {
    certificates = [%q]
    keys         = [%q]
  }
`

const blocks = `module "books" {
  ttl = "5m"
}
`

func run(ctx context.Context, o options) error {
	if err := raiseFiles(o.requests + 3000); err != nil {
		return err
	}
	if err := process.Build(ctx, o.out, "./core/cmd/modgate"); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "modgate-parking-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	secured := ""
	s := &scene{options: o}
	if o.tls {
		if secured, err = s.certify(scratch); err != nil {
			return err
		}
	}
	if s.Gateway, err = gateway.Start(ctx, o.out, scratch, fmt.Sprintf(settings, secured), blocks); err != nil {
		return err
	}
	defer s.Stop()
	if err := s.listen(); err != nil {
		return err
	}
	defer s.close()
	return s.measure(ctx)
}

func (s *scene) measure(ctx context.Context) error {
	as, err := s.register(ctx)
	if err != nil {
		return err
	}
	if err := s.warm(ctx, as); err != nil {
		return err
	}
	before, _, err := s.Memory()
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := s.park(ctx); err != nil {
		return err
	}
	time.Sleep(time.Second) // what was needed only to get there is given back
	after, _, err := s.Memory()
	if err != nil {
		return err
	}
	fmt.Printf("parked %d in %.1f s; resident %d MiB, then %d MiB: %.1f KiB each\n",
		s.requests, time.Since(begun).Seconds()-1, before>>20, after>>20, float64(after-before)/1024/float64(s.requests))

	if s.leaves > 0 {
		took, err := s.leave(ctx)
		if err != nil {
			return err
		}
		slices.Sort(took)
		fmt.Printf("a client leaves: its place is free after %v (median), %v (p99), %v (most)\n", took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	}

	answered, err := s.resume(ctx, as)
	if err != nil {
		return err
	}
	_, peak, err := s.Memory()
	if err != nil {
		return err
	}
	fmt.Printf("RESUME: %d answered within %v by a module that takes %d a second, 0 failed; peak %d MiB\n", s.requests-s.leaves, answered.Round(time.Millisecond), s.rate, peak>>20)
	return nil
}

// register registers the module, which does not resume yet.
func (s *scene) register(ctx context.Context) (message.Registered, error) {
	return s.Register(ctx, message.Registration{
		Module: "books", Version: module.MustVersion("1.0.0"), Instance: "books-a", Upstream: "http://" + s.upstream.Addr().String(),
		Routes: []message.Route{{Path: "/books/*"}}, Lease: message.Duration(5 * time.Minute),
	})
}
