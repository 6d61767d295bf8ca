package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// timeline tells what happens when.
type timeline struct {
	out   io.Writer
	begun time.Time
}

func newTimeline(out io.Writer) *timeline { return &timeline{out: out, begun: time.Now()} }

func (t *timeline) tell(format string, args ...any) {
	fmt.Fprintf(t.out, "%7.2fs  %s\n", time.Since(t.begun).Seconds(), fmt.Sprintf(format, args...))
}

// poll is how often the gateway is asked how the catalogue stands.
const poll = 10 * time.Millisecond

// follow tells each change of the catalogue until another version than old's
// serves.
func (t *timeline) follow(ctx context.Context, a admin, old state) error {
	for last := old; ; {
		if err := pause(ctx, poll); err != nil {
			return err
		}
		s, err := a.catalogue(ctx)
		if err != nil {
			return err
		}
		if s == last {
			continue
		}
		last = s
		switch {
		case s.State == "ready" && s.Serving != old.Serving:
			t.tell("RESUME: catalogue %s serves, what was parked goes on", s.Serving)
			return nil
		case s.Reason == "waiting":
			t.tell("UPDATE waits: %s finishes its requests, new ones are parked", old.Serving)
		case s.Reason == "updating":
			t.tell("UPDATE granted: %s is fenced, the new version restructures the data", old.Serving)
		default:
			t.tell("catalogue is %s %s", s.State, s.Reason)
		}
	}
}
