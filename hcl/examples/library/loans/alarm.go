package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// alarm messages the administrators when a requirement stays missing, once,
// and once more when it is met again. The gateway alerts too, about the
// module; the alarm says what it means to the library.
type alarm struct {
	requirement string
	after       time.Duration // how long it may be missing
	send        func(ctx context.Context, severity, summary, detail string) error
}

// watch runs until ctx ends.
func (a alarm) watch(ctx context.Context, rs *modgate.Requirements) {
	for await(ctx, rs, a.requirement, modgate.StateMissing) {
		if a.outlasts(ctx, rs) || ctx.Err() != nil {
			continue
		}
		a.tell(ctx, "critical", "no loans can be made: "+a.requirement+" is missing",
			"missing for "+a.after.String()+"; the desk must write loans down")
		if !await(ctx, rs, a.requirement, modgate.StateMet) {
			return
		}
		a.tell(ctx, "info", "loans can be made again: "+a.requirement+" is back", "")
	}
}

// outlasts waits for the alarm's time, and reports whether the requirement
// was met before.
func (a alarm) outlasts(ctx context.Context, rs *modgate.Requirements) bool {
	ctx, cancel := context.WithTimeout(ctx, a.after)
	defer cancel()
	return await(ctx, rs, a.requirement, modgate.StateMet)
}

func (a alarm) tell(ctx context.Context, severity, summary, detail string) {
	if err := a.send(ctx, severity, summary, detail); err != nil && ctx.Err() == nil {
		slog.Error("nobody could be told", "alert", summary, "err", err)
	}
}

// await waits until the requirement is in state, and reports whether that came
// before ctx ended.
func await(ctx context.Context, rs *modgate.Requirements, id, state string) bool {
	for {
		r, changed := rs.Look(id)
		if r.State == state {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
