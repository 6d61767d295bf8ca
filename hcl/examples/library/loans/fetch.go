package main

import (
	"context"
	"errors"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// rounds is how often a request is sent on before its user is told DELAY.
const rounds = 3

// fetch reads JSON from the module that requirement names, and holds on until
// RESUME or MISSING. Loans registers with on_delay = "park": the gateway holds
// the request, and mostly nothing is to be done here. Parking may end before
// the absence does, though, if a queue is full or the operator allows less
// (A4, A6); the answer is DELAY then, and the notice says when to try again.
func fetch(ctx context.Context, in *modgate.Instance, requirement, path string, answer any) error {
	for round := 1; ; round++ {
		err := in.Get(ctx, path, answer)
		var p *modgate.Problem
		if !errors.As(err, &p) || !p.Delayed() || p.Reason == "cycle" || round == rounds {
			return err
		}
		r, waitErr := in.Requirements.Settled(ctx, requirement)
		if waitErr != nil || r.State == modgate.StateMissing {
			return errors.Join(err, waitErr)
		}
	}
}
