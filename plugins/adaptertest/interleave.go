package adaptertest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// Interleave lets the requests of all cases overlap on one instance, as they
// do in a gateway: every one begins before the first ends, and they end in
// both orders. Each must come out as it does alone. An adapter of which one
// does not keeps what is a request's in variables: under the number that it
// returned with it, or it must say that it needs an instance for each
// (capability 64).
func (a *Adapter) Interleave(ctx context.Context, cases []*Case) ([]Finding, error) {
	groups := map[string][]*player{} // what the same settings play
	var order []string
	for _, c := range cases {
		if c.Shares || c.Start != nil && c.Start.Refused != "" {
			continue
		}
		key, err := json.Marshal(c.Plugin)
		if err != nil {
			return nil, err
		}
		if groups[string(key)] == nil {
			order = append(order, string(key))
		}
		groups[string(key)] = append(groups[string(key)], &player{c: c})
	}
	var findings []Finding
	for _, key := range order {
		found, err := a.interleave(ctx, groups[key])
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	return findings, nil
}

// stranger is a request that no case has, so that even one request meets
// another.
var stranger = Step{Request: &Message{Method: "OPTIONS", Target: "/stranger", Headers: []string{"Host: stranger.invalid"}}}

// turn is a request of a case.
type turn struct {
	p *player
	s *Step
}

func (a *Adapter) interleave(ctx context.Context, players []*player) ([]Finding, error) {
	var turns []turn
	for _, p := range players {
		for i := range p.c.Steps {
			if s := &p.c.Steps[i]; s.Request != nil {
				turns = append(turns, turn{p, s})
			}
		}
	}
	if len(turns) == 0 {
		return nil, nil
	}
	turns = append(turns, turn{&player{c: &Case{file: "a request that no case has"}}, &stranger})

	settings, err := players[0].c.settings()
	if err != nil {
		return nil, err
	}
	begin := func() (*running, error) {
		r, err := a.start(ctx, a.code, settings, 1)
		for _, t := range turns {
			t.p.r = r
		}
		return r, err
	}
	r, err := begin()
	if err != nil {
		return nil, err
	}
	alone := r.Exclusive()
	want := map[*Step]Outcome{}
	turns = slices.DeleteFunc(turns, func(t turn) bool {
		out := t.p.traffic(t.s)
		want[t.s] = out
		return r.told().faults != nil // that instance is gone, with all that others began
	})
	r.Close()
	if alone {
		return nil, nil
	}
	var findings []Finding
	for _, way := range []string{"first come, first served", "the last first"} {
		r, err := begin()
		if err != nil {
			return nil, err
		}
		findings = append(findings, overlap(turns, want, way)...)
		r.Close()
		if findings != nil {
			return findings, nil // the other order shows the same
		}
	}
	return nil, nil
}

func overlap(turns []turn, want map[*Step]Outcome, way string) (findings []Finding) {
	passes := make([]*pass, len(turns))
	for i, t := range turns {
		passes[i] = t.p.ask(t.s)
	}
	if way == "the last first" {
		slices.Reverse(passes)
	}
	for _, w := range passes {
		w.end()
		alone := want[w.s]
		if d := differ(&w.out, &alone); d != "" {
			findings = append(findings, Finding{
				fmt.Sprintf("%s:%d", w.p.c.file, w.s.line),
				"while other requests are under way on its instance it comes out differently. Keep what is a request's under the number that " +
					"handle_request returns, or say that it works for one request at a time (capability exclusive, 64)\n" + d,
			})
		}
	}
	return findings
}
