package modgate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// wait is how long an answer to an announcement may be held (Prefer: wait).
const wait = 20 * time.Second

// answer is what an announcement leads to, so far.
type answer struct {
	Outcome string // empty while it is pending
	Notice  string
	TTL     string
	Epoch   uint64
	State   state
}

// Update asks for the module's data: it returns when the older version has
// finished and been fenced, and the process may restructure what that left
// behind (U1, U2). After it comes Resume.
func (in *Instance) Update(ctx context.Context) error {
	return in.announce(ctx, "update", "updating", "granted", "done")
}

// Resume says that the process can serve; it returns when it does (V2, U4).
func (in *Instance) Resume(ctx context.Context) error {
	if err := in.announce(ctx, "resume", "serving", "resumed"); err != nil {
		return err
	}
	in.serving.Store(true)
	return nil
}

// Disconnect takes the process out of service; it returns when its runs are
// done, or their grace is over, so that the process may exit (L1).
func (in *Instance) Disconnect(ctx context.Context) error {
	in.serving.Store(false)
	return in.announce(ctx, "disconnect", "out", "disconnected")
}

// announce says verb until the gateway names one of the outcomes, or the
// process is in the phase that the announcement leads to. Repeating it under
// its seq is harmless, and finds out how it stands (U7).
func (in *Instance) announce(ctx context.Context, verb, phase string, outcomes ...string) error {
	body := map[string]any{"type": verb, "seq": in.seq.Add(1)}
	for first := true; ; first = false {
		begun := time.Now()
		var a answer
		err := in.say(ctx, verb, body, &a)
		if errors.Is(err, ErrFenced) {
			in.fence()
		}
		if err != nil {
			return err
		}
		in.See(a.Epoch)
		if a.State.Phase == phase || slices.Contains(outcomes, a.Outcome) {
			return nil
		}
		switch {
		case a.Outcome == "refused", a.Outcome == "expired":
			return fmt.Errorf("%s: %s", verb, a.Outcome)
		case a.State.Phase == "fenced":
			in.fence()
			return fmt.Errorf("%s: %w", verb, ErrFenced)
		}
		if first {
			in.log.Info(verb+" is pending", "notice", a.Notice, "ttl", a.TTL)
		}
		// An answer that was not held would make this loop spin.
		if time.Since(begun) < time.Second && !sleep(ctx, backoffMin) {
			return fmt.Errorf("%s: %w", verb, context.Cause(ctx))
		}
	}
}

// say sends an announcement and lets the gateway hold the answer. It waits
// for a gateway that is away, except to leave: then nobody routes to the
// process either.
func (in *Instance) say(ctx context.Context, verb string, body any, a *answer) error {
	attempt := func() error {
		req, err := in.control.request(ctx, http.MethodPost, "/v1/instances/"+in.ID+"/announcements", body)
		if err != nil {
			return err
		}
		req.Header.Set("Prefer", fmt.Sprintf("wait=%d", int(wait.Seconds())))
		return in.control.do(req, a)
	}
	if verb == "disconnect" {
		return attempt()
	}
	return persist(ctx, in.log, verb, attempt)
}
