package modgate_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/modgatetest"
)

// begin runs a life in the background; its end is received.
func begin(t *testing.T, g *modgatetest.Gateway, l modgate.Life) (stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- l.Run(ctx, g.Environment(), quiet()) }()
	return stop, end
}

func life() modgate.Life {
	return modgate.Life{
		Registration: modgate.Registration{Module: "m", Version: "1.0.0", Instance: "here"},
		Update:       true,
		Open: func(context.Context, *modgate.Instance) (http.Handler, error) {
			return http.NotFoundHandler(), nil
		},
	}
}

func wantAnnounced(t *testing.T, g *modgatetest.Gateway, types ...string) {
	t.Helper()
	for _, want := range types {
		if got := <-g.Announcements; got.Type != want {
			t.Errorf("announced %s, want %s", got.Type, want)
		}
	}
}

func TestLifeLeavesOnTheAnswerToItsDisconnect(t *testing.T) { // L1
	g := modgatetest.New(t)
	stop, ended := begin(t, g, life())
	wantAnnounced(t, g, "update", "resume")
	drained := make(chan struct{})
	g.Decide(func(a modgatetest.Announcement) (int, any) {
		<-drained
		return http.StatusOK, map[string]string{"outcome": "disconnected"}
	})
	stop()
	wantAnnounced(t, g, "disconnect")
	select {
	case err := <-ended:
		t.Fatalf("left with %v while runs were in flight", err)
	default:
	}
	close(drained)
	if err := <-ended; err != nil {
		t.Errorf("left with %v, want nil", err)
	}
}

func TestFencedProcessStopsWithoutAWord(t *testing.T) { // U8
	g := modgatetest.New(t)
	_, ended := begin(t, g, life())
	wantAnnounced(t, g, "update", "resume")
	g.Fence() // the next renewal is answered 409
	if err := <-ended; err != nil {
		t.Errorf("ended with %v, want nil: exit 0", err)
	}
	select {
	case a := <-g.Announcements:
		t.Errorf("announced %s", a.Type)
	default:
	}
}

// A holder that fails keeps its grant for the process that replaces it.
func TestFailedRestructuringSaysNoDisconnect(t *testing.T) { // U10
	g := modgatetest.New(t)
	l := life()
	broken := errors.New("no space left")
	l.Open = func(context.Context, *modgate.Instance) (http.Handler, error) { return nil, broken }
	_, ended := begin(t, g, l)
	if err := <-ended; !errors.Is(err, broken) {
		t.Errorf("ended with %v, want what was wrong", err)
	}
	wantAnnounced(t, g, "update")
	select {
	case a := <-g.Announcements:
		t.Errorf("announced %s", a.Type)
	default:
	}
}

func TestStopWhileUpdateWaitsSaysDisconnect(t *testing.T) { // U12
	g := modgatetest.New(t)
	g.Decide(func(a modgatetest.Announcement) (int, any) {
		if a.Type == "disconnect" {
			return http.StatusOK, map[string]string{"outcome": "disconnected"}
		}
		return http.StatusAccepted, map[string]any{"notice": "delay", "ttl": "8s"}
	})
	stop, ended := begin(t, g, life())
	wantAnnounced(t, g, "update")
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v, want nil", err)
	}
	last := modgatetest.Announcement{}
	for len(g.Announcements) > 0 {
		last = <-g.Announcements
	}
	if last.Type != "disconnect" {
		t.Errorf("said %q last, want disconnect", last.Type)
	}
}

func TestLostProcessAnnouncesResumeAgain(t *testing.T) { // L6
	g := modgatetest.New(t)
	stop, ended := begin(t, g, life())
	wantAnnounced(t, g, "update", "resume")
	g.Put("out")
	wantAnnounced(t, g, "resume")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestLeaseOutlivesTheGatewaysTroubles(t *testing.T) { // G6
	g := modgatetest.New(t)
	stop, ended := begin(t, g, life())
	wantAnnounced(t, g, "update", "resume")
	g.Trouble(http.StatusUnauthorized, http.StatusServiceUnavailable, http.StatusUnauthorized)
	g.Put("out") // seen by the first renewal that succeeds
	wantAnnounced(t, g, "resume")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
