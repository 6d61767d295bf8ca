// Command soak streams gigabytes through modgate, up and down, and fails if it
// holds more of them than its buffers: resident memory must not grow, and a
// peer that reads slowly must slow the one that writes. Every byte is counted
// and summed at the other end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/modgate/modgate/bench/gateway"
	"github.com/modgate/modgate/bench/process"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// options are what may be chosen.
type options struct {
	gib    int // of each stream
	growth int // of resident memory, in MiB, at most
	slow   time.Duration
	out    string
}

func main() {
	var o options
	flag.IntVar(&o.gib, "gib", 4, "GiB that go each way")
	flag.IntVar(&o.growth, "growth", 64, "MiB that the gateway's resident memory may grow by")
	flag.DurationVar(&o.slow, "slow", 3*time.Second, "how long a slow peer is watched")
	process.Out(&o.out)
	process.Main("soak", func() error { return o.validate() }, func(ctx context.Context) error { return run(ctx, o) })
}

func (o options) validate() error {
	if o.gib < 1 || o.growth < 1 || o.slow < time.Second {
		return errors.New("want at least 1 GiB, 1 MiB and 1s")
	}
	return nil
}

func run(ctx context.Context, o options) error {
	if err := process.Build(ctx, o.out, "./core/cmd/modgate"); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "modgate-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	settings := fmt.Sprintf("  limits {\n    body = \"%dGiB\"\n  }\n", o.gib+1)
	g, err := gateway.Start(ctx, o.out, scratch, settings, "")
	if err != nil {
		return err
	}
	defer g.Stop()
	s := &soak{Gateway: g, size: int64(o.gib) << 30}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.close()

	const warm = 256 << 20
	for _, way := range ways {
		if err := s.stream(ctx, way, warm); err != nil {
			return fmt.Errorf("%s, warming up: %w", way.name, err)
		}
	}
	before, _, err := g.Memory()
	if err != nil {
		return err
	}
	fmt.Printf("resident before: %d MiB\n", before>>20)
	for _, way := range ways {
		begun := time.Now()
		if err := s.stream(ctx, way, s.size); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		_, peak, err := g.Memory()
		if err != nil {
			return err
		}
		took := time.Since(begun)
		fmt.Printf("%-22s %d GiB in %.1f s (%.0f MiB/s), peak %+d MiB\n", way.name, o.gib, took.Seconds(), float64(s.size>>20)/took.Seconds(), (peak-before)>>20)
	}
	for _, way := range ways {
		ahead, err := s.stall(ctx, way, o.slow)
		if err != nil {
			return fmt.Errorf("%s, slowly: %w", way.name, err)
		}
		fmt.Printf("%-22s the writer is %.1f MiB ahead of a slow reader after %v\n", way.name, float64(ahead)/(1<<20), o.slow)
		if ahead > mostAhead {
			return fmt.Errorf("%s: the writer is %d MiB ahead of a slow reader, want at most %d", way.name, ahead>>20, mostAhead>>20)
		}
	}
	_, peak, err := g.Memory()
	if err != nil {
		return err
	}
	fmt.Printf("resident memory grew by %d MiB at most\n", (peak-before)>>20)
	if peak-before > int64(o.growth)<<20 {
		return fmt.Errorf("resident memory grew by %d MiB, want at most %d", (peak-before)>>20, o.growth)
	}
	return nil
}

// mostAhead is what four sockets and the buffers between them may hold: the
// kernel gives a socket on loopback up to 6 MiB.
const mostAhead = 32 << 20

// open starts the upstream and registers it.
func (s *soak) open(ctx context.Context) error {
	if err := s.listen(); err != nil {
		return err
	}
	as, err := s.Register(ctx, message.Registration{
		Module: "files", Version: module.MustVersion("1.0.0"), Instance: "files-a", Upstream: "http://" + s.upstream.Addr().String(),
		Routes: []message.Route{{Path: "/files/*"}}, Lease: message.Duration(5 * time.Minute),
	})
	if err != nil {
		return err
	}
	go s.renew(ctx, as)
	return s.Resume(ctx, as)
}

// renew keeps the registration.
func (s *soak) renew(ctx context.Context, as message.Registered) {
	for ctx.Err() == nil {
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
		}
		if err := s.Renew(ctx, as); err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "soak: renew:", err)
		}
	}
}
