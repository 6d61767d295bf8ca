package main

import (
	"context"
	"fmt"
	"os"
)

// leg is one proxy under one workload for a while.
type leg struct {
	Workload string `json:"workload"`
	Round    int    `json:"round"`
	Proxy    string `json:"proxy"`
	CPU      int64  `json:"cpu_ns"` // of the proxy's process
	tally
}

// perRequest returns the processor time of one request in microseconds.
func (l leg) perRequest() float64 { return float64(l.CPU) / 1e3 / float64(l.Requests) }

// rate returns requests per second.
func (l leg) rate() float64 { return float64(l.Requests) / float64(l.Micros) * 1e6 }

// measure loads the proxies in turns. What else the machine does meanwhile
// changes slowly beside a leg, so it falls on both; the first of a round is
// the second of the next. Round 0 warms up, and is not kept.
func (s *scene) measure(ctx context.Context, o options) (*result, error) {
	r := newResult(o)
	for round := range o.rounds + 1 {
		pair := []proxy{s.modgate, s.naive}
		if round%2 == 1 {
			pair[0], pair[1] = pair[1], pair[0]
		}
		for _, w := range workloads(o.only) {
			for _, p := range pair {
				l, err := s.run(ctx, p, w, o)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", p.name, w.name, err)
				}
				if l.Round = round; round > 0 {
					r.Legs = append(r.Legs, l)
				}
			}
		}
		if round == 0 {
			fmt.Fprintln(os.Stderr, "warmed up")
		} else {
			fmt.Fprintf(os.Stderr, "round %d of %d\n", round, o.rounds)
		}
	}
	for _, p := range []proxy{s.modgate, s.naive} {
		now, peak, err := p.process.Memory()
		if err != nil {
			return nil, err
		}
		r.Memory = append(r.Memory, resident{p.name, now, peak})
	}
	r.summarise()
	return r, nil
}

// run loads p for a while. What the process does between two looks at its
// clock counts: accepting connections and collecting garbage too.
func (s *scene) run(ctx context.Context, p proxy, w workload, o options) (leg, error) {
	l := leg{Workload: w.name, Proxy: p.name}
	before, err := p.process.CPUTime()
	if err != nil {
		return l, err
	}
	if l.tally, err = s.load.send(ctx, p.address, w, o.connections, o.leg); err != nil {
		return l, err
	}
	after, err := p.process.CPUTime()
	l.CPU = int64(after - before)
	return l, err
}
