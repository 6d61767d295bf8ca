package adaptertest

import (
	"context"
	"fmt"
)

// inARow is how many requests Repeat sends: enough for a guest to collect its
// garbage, or to run out of memory if it keeps half a kilobyte of each.
const inARow = 30_000

// Repeat sends the requests of the cases that pass without a fault, in turns,
// many times through one instance. All must pass: one that fails now and then
// does in a gateway, too, and those that come next to it.
func (a *Adapter) Repeat(ctx context.Context, cases []*Case) (findings []Finding, err error) {
	var passing []*Case
	for _, c := range cases {
		if (c.Start == nil || c.Start.Refused == "") && len(c.passing()) > 0 {
			passing = append(passing, c)
		}
	}
	for _, c := range passing {
		f, err := a.repeat(ctx, c, inARow/len(passing))
		if err != nil {
			return findings, err
		}
		findings = append(findings, f...)
	}
	return findings, nil
}

// passing returns the steps that are requests and expect no fault.
func (c *Case) passing() (steps []*Step) {
	for i := range c.Steps {
		if s := &c.Steps[i]; s.Request != nil && s.Want != nil && s.Want.Faults == nil && s.Want.Refused == "" {
			steps = append(steps, s)
		}
	}
	return steps
}

func (a *Adapter) repeat(ctx context.Context, c *Case, times int) ([]Finding, error) {
	p, err := a.player(ctx, c)
	if err != nil {
		return nil, err
	}
	defer p.r.Close()
	var turns []*pass
	for _, s := range c.passing() {
		turns = append(turns, &pass{p: p, s: s, x: newExchange(s.Request, "GET", p.properties(s))})
	}
	for n := range times {
		w := turns[n%len(turns)]
		w.x.reset()
		w.again(w.s.answer())
		why := p.r.told().why
		switch {
		case why == nil:
		case n < len(turns): // which its case says
			return nil, nil
		default:
			return []Finding{{fmt.Sprintf("%s:%d", c.file, w.s.line), fmt.Sprintf("the request passes, and fails as the %dth in a row\n%s", n+1, why[0])}}, nil
		}
	}
	return nil, nil
}
