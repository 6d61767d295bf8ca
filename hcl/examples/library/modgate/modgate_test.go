package modgate_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/modgatetest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newFence(t *testing.T) *modgate.Fence {
	t.Helper()
	f, err := modgate.NewFence(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRegisterWaitsForGateway(t *testing.T) {
	g := modgatetest.New(t)
	g.Trouble(http.StatusServiceUnavailable, http.StatusBadGateway)
	in := g.Register(t, modgate.Registration{Module: "m", Version: "1.0.0"})
	if in.ID != "here" || in.Epoch() != 1 {
		t.Errorf("registered as %q in epoch %d, want here in 1", in.ID, in.Epoch())
	}
}

func TestRefusedRegistrationSaysWhy(t *testing.T) {
	g := modgatetest.New(t)
	g.Trouble(http.StatusConflict)
	_, err := modgate.Register(t.Context(), g.Environment(), modgate.Registration{Module: "m"}, quiet())
	var p *modgate.Problem
	if !errors.As(err, &p) || p.Status != http.StatusConflict || !strings.Contains(err.Error(), "as the test wants it") {
		t.Errorf("got %v, want the 409 and its detail", err)
	}
}

func TestRegisteredBelowFloorIsFenced(t *testing.T) { // V3, V7
	for _, phase := range []string{"fenced", "idle"} {
		g := modgatetest.New(t)
		g.Put(phase)
		in := g.Register(t, modgate.Registration{Module: "m", Version: "1.0.0"})
		select {
		case <-in.Fenced():
		default:
			t.Errorf("%s: goes on", phase)
		}
	}
}

func TestPendingUpdateIsRepeatedUnderItsSeq(t *testing.T) { // U7
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "m", Version: "2.0.0"})
	asked := 0
	g.Decide(func(modgatetest.Announcement) (int, any) {
		if asked++; asked < 3 {
			return http.StatusAccepted, map[string]any{"notice": "delay", "ttl": "8s", "state": map[string]string{"phase": "waiting"}}
		}
		return http.StatusOK, map[string]any{"outcome": "granted", "epoch": 9}
	})
	if err := in.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, second, third := <-g.Announcements, <-g.Announcements, <-g.Announcements
	if first != second || second != third || first.Type != "update" {
		t.Errorf("announced %v, %v, %v: want one UPDATE, repeated", first, second, third)
	}
	if in.Epoch() != 9 {
		t.Errorf("epoch %d, want that of the grant, 9", in.Epoch())
	}
}

func TestInheritedGrantNeedsNoOutcome(t *testing.T) { // U10
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "m", Version: "2.0.0"})
	g.Decide(func(modgatetest.Announcement) (int, any) {
		return http.StatusOK, map[string]any{"epoch": 4, "state": map[string]string{"phase": "updating"}}
	})
	if err := in.Update(t.Context()); err != nil || in.Epoch() != 4 {
		t.Errorf("got %v in epoch %d, want the grant in 4", err, in.Epoch())
	}
}

func TestRefusedUpdateIsAnError(t *testing.T) { // U12
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "m", Version: "2.0.0"})
	g.Decide(func(modgatetest.Announcement) (int, any) {
		return http.StatusOK, map[string]any{"outcome": "refused"}
	})
	if err := in.Update(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, want refused", err)
	}
}

func TestSeqRisesOverRestarts(t *testing.T) { // U7
	before := time.Now().UnixMilli()
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "m", Version: "1.0.0"})
	if err := errors.Join(in.Update(t.Context()), in.Resume(t.Context())); err != nil {
		t.Fatal(err)
	}
	first, second := (<-g.Announcements).Seq, (<-g.Announcements).Seq
	if first <= before || second != first+1 {
		t.Errorf("seq %d and %d: want them after the clock, %d, and one apart", first, second, before)
	}
}

func TestRunAndTokenArePassedOn(t *testing.T) { // U11, I1
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "m", Version: "1.0.0"})
	got := make(chan http.Header, 1)
	g.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		_, _ = w.Write([]byte(`{}`))
	}))
	h := in.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := in.Get(r.Context(), "/other", &struct{}{}); err != nil {
			t.Error(err)
		}
	}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Modgate-Run", "v1.aaaa.bbbb")
	r.Header.Set("Modgate-Epoch", "7")
	h.ServeHTTP(httptest.NewRecorder(), r)
	sent := <-got
	if sent.Get("Modgate-Run") != "v1.aaaa.bbbb" || sent.Get("Modgate-Token") != modgatetest.Token {
		t.Errorf("passed on %v, want the run and the token", sent)
	}
	if in.Epoch() != 7 {
		t.Errorf("epoch %d, want that of the request, 7", in.Epoch())
	}
}

func TestWorkWithoutRunPassesNoneOn(t *testing.T) { // U11
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "m", Version: "1.0.0"})
	g.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if run, ok := r.Header["Modgate-Run"]; ok {
			t.Errorf("passed on %q", run)
		}
		modgatetest.Away(w, modgate.Delay, "updating")
	}))
	err := in.Get(t.Context(), "/other", &struct{}{})
	var p *modgate.Problem
	if !errors.As(err, &p) || !p.Delayed() || p.Missing() || p.RetryAfter.Seconds() != 7 {
		t.Errorf("got %v, want DELAY for 7 s", err)
	}
}

func TestStaleWriteRenewsOnce(t *testing.T) { // U8
	g := modgatetest.New(t)
	in := g.Register(t, modgate.Registration{Module: "m", Version: "1.0.0"})
	fence := newFence(t)
	writes := 0
	write := func() error { writes++; return nil }
	if err := fence.Write(5, func() error { return nil }); err != nil {
		t.Fatal(err)
	}

	if err := in.Write(t.Context(), fence, write); !errors.Is(err, modgate.ErrStale) || writes != 0 {
		t.Errorf("epoch 1 after 5: got %v and %d writes, want stale and none", err, writes)
	}
	g.Raise(6)
	if err := in.Write(t.Context(), fence, write); err != nil || writes != 1 {
		t.Errorf("the lease names epoch 6: got %v and %d writes, want one", err, writes)
	}
	if err := fence.Write(5, write); !errors.Is(err, modgate.ErrStale) {
		t.Errorf("epoch 5 after 6: got %v, want stale", err)
	}
	if err := fence.Write(7, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	g.Fence()
	if err := in.Write(t.Context(), fence, write); !errors.Is(err, modgate.ErrFenced) || writes != 1 {
		t.Errorf("fenced: got %v and %d writes, want fenced and no further one", err, writes)
	}
	<-in.Fenced()
}

// Two fences around one folder are what two processes have.
func TestFenceAdmitsOneWriter(t *testing.T) {
	folder := t.TempDir()
	var inside, writes atomic.Int32
	var writers sync.WaitGroup
	for range 2 {
		fence, err := modgate.NewFence(folder)
		if err != nil {
			t.Fatal(err)
		}
		n := 0 // the race detector would see two writers behind one fence
		for range 4 {
			writers.Go(func() {
				for range 20 {
					err := fence.Write(1, func() error {
						if inside.Add(1) != 1 {
							t.Error("two writers at once")
						}
						n++
						writes.Add(1)
						inside.Add(-1)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	writers.Wait()
	if writes.Load() != 160 {
		t.Errorf("%d writes, want 160", writes.Load())
	}
}

func TestEnvironmentNamesAllThatIsMissing(t *testing.T) {
	for _, name := range []string{"MODGATE_CONTROL", "MODGATE_DATA", "MODGATE_JOIN_SECRET"} {
		t.Setenv(name, "")
	}
	_, err := modgate.ReadEnvironment()
	if err == nil || !strings.HasSuffix(err.Error(), "MODGATE_CONTROL, MODGATE_DATA, MODGATE_JOIN_SECRET") {
		t.Errorf("got %v, want all three names", err)
	}
}
