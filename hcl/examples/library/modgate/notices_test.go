package modgate_test

import (
	"context"
	"sync"
	"testing"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/modgatetest"
)

// listen opens the stream of notices for as long as the test runs.
func listen(t *testing.T, g *modgatetest.Gateway, requires ...string) *modgate.Instance {
	t.Helper()
	r := modgate.Registration{Module: "m", Version: "1.0.0"}
	for _, id := range requires {
		r.Requires = append(r.Requires, modgate.Requirement{ID: id})
	}
	in := g.Register(t, r)
	ctx, stop := context.WithCancel(t.Context())
	var listener sync.WaitGroup
	listener.Go(func() { in.Listen(ctx) })
	t.Cleanup(func() { stop(); listener.Wait() })
	if last := <-g.Streams; last != "" {
		t.Errorf("first stream goes on after %q", last)
	}
	return in
}

// become waits until the requirement is in state.
func become(t *testing.T, in *modgate.Instance, id, state string) {
	t.Helper()
	for {
		r, changed := in.Requirements.Look(id)
		if r.State == state {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("%s is %s, want %s", id, r.State, state)
		}
	}
}

func TestNoticesKeepRequirements(t *testing.T) { // D2
	g := modgatetest.New(t)
	in := listen(t, g, "a", "b")
	g.Tell(1, modgate.Delay, "a", "updating")
	become(t, in, "a", modgate.StateDelayed)
	g.Tell(2, modgate.Missing, "a", "expired")
	if r, err := in.Requirements.Settled(t.Context(), "a"); err != nil || r.State != modgate.StateMissing || r.Reason != "expired" {
		t.Errorf("settled as %+v, %v; want missing, expired", r, err)
	}
	g.Tell(3, modgate.Resumed, "a", "")
	become(t, in, "a", modgate.StateMet)
	become(t, in, "b", modgate.StateMet)
}

func TestReconnectGoesOnAfterTheLastNotice(t *testing.T) { // 3.4
	g := modgatetest.New(t)
	in := listen(t, g, "a")
	g.Tell(41, modgate.Delay, "a", "updating")
	g.Break()
	if last := <-g.Streams; last != "41" {
		t.Errorf("goes on after %q, want 41", last)
	}
	become(t, in, "a", modgate.StateDelayed)
}

func TestSnapshotMeetsWhatItDoesNotName(t *testing.T) { // N1
	g := modgatetest.New(t)
	in := listen(t, g, "a", "b")
	g.Tell(1, modgate.Delay, "a", "lost")
	g.Tell(2, modgate.Missing, "b", "expired")
	g.Break()
	<-g.Streams
	g.Tell(9, modgate.Missing, "b", "expired")
	g.Synced()
	become(t, in, "a", modgate.StateMet)
	become(t, in, "b", modgate.StateMissing)
}

func TestMissingAboutMyselfAsksTheLease(t *testing.T) { // U8
	g := modgatetest.New(t)
	in := listen(t, g, "a")
	g.Tell(1, modgate.Missing, "here", "lost")
	g.Tell(2, modgate.Delay, "a", "updating") // heard after the first was dealt with
	become(t, in, "a", modgate.StateDelayed)
	select {
	case <-in.Fenced():
		t.Fatal("fenced, though the lease is renewed")
	default:
	}
	g.Fence()
	g.Tell(3, modgate.Missing, "here", "fenced")
	<-in.Fenced()
}
