package gateway

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
)

// askers send a request for a path every 100 ms until they are stopped, each of
// which must be answered by a module. It returns who did, in order.
func (w *world) askers(path string) (stop func() []string) {
	var asking sync.WaitGroup
	done := make(chan struct{})
	var mu sync.Mutex
	var by []string
	asking.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
			}
			asking.Go(func() {
				r, err := ask(w.caller.client, "GET", w.data+path, "")
				mu.Lock()
				defer mu.Unlock()
				if err != nil || r.status != http.StatusOK {
					w.t.Errorf("GET %s: %d %v, %+v", path, r.status, err, r.Problem)
				}
				if len(by) == 0 || by[len(by)-1] != r.by {
					by = append(by, r.by)
				}
			})
		}
	})
	return func() []string {
		close(done)
		asking.Wait()
		return by
	}
}

// heir is a mute module that has a route of ldp's, beside one of its own.
func (w *world) heir() (config.Module, *health) {
	v, h := w.mute("reporting", "1.0.0", named("reporting"))
	v.Routes = append(v.Routes, message.Route{Path: "/ldp/*"})
	m := w.module("reporting", v)
	m.Replaces = []string{"ldp"}
	return m, h
}

func named(name string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set(answeredBy, name) }
}

// A mute module takes over another's route while requests come down it without
// a pause, whether the other stays, or is declared no longer in the same moment;
// a restart of the gateway changes nothing. (V10, L4, C1, G1)
func TestMuteModuleReplacesAnotherUnderLoad(t *testing.T) {
	for _, stays := range []bool{true, false} {
		t.Run(fmt.Sprint("stays ", stays), func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				old, h := w.mute("ldp", "1.0.0", named("ldp"))
				h.is(200)
				w.declareAll(w.module("ldp", old))
				time.Sleep(6 * time.Second)
				stop := w.askers("/ldp/tables")
				time.Sleep(time.Second)

				next, healthy := w.heir()
				declared := []config.Module{next}
				if stays {
					declared = []config.Module{w.module("ldp", old), next}
				}
				w.declareAll(declared...)
				time.Sleep(5 * time.Second)
				if o, _ := w.control.Overview("reporting"); len(o.Claims) != 1 || o.Claims[0].With != "ldp" {
					t.Errorf("before it is healthy it claims %+v", o.Claims)
				}
				healthy.is(200)
				time.Sleep(10 * time.Second)
				if by := stop(); len(by) != 2 || by[0] != "ldp" || by[1] != "reporting" {
					t.Errorf("answered by %v, want ldp, then reporting", by)
				}

				w.shut()
				w.open(t)
				stop = w.askers("/ldp/tables")
				if stays {
					stopped := w.askers("/reporting/x")
					time.Sleep(7 * time.Second)
					stopped()
					w.wants("ldp", message.Ready, message.NoReason, "1.0.0")
				}
				time.Sleep(time.Second)
				if by := stop(); len(by) != 1 || by[0] != "reporting" {
					t.Errorf("after a restart answered by %v, want reporting", by)
				}
			})
		})
	}
}

// Without the word it is alerted, and tried again until the configuration says
// it. (V9, V10)
func TestMuteModuleMayReplaceAsSoonAsItIsSaid(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		old, h := w.mute("ldp", "1.0.0", named("ldp"))
		h.is(200)
		w.declareAll(w.module("ldp", old))
		time.Sleep(6 * time.Second)
		next, healthy := w.heir()
		healthy.is(200)
		silent := next
		silent.Replaces = nil
		stop := w.askers("/ldp/tables")
		w.declareAll(w.module("ldp", old), silent)
		time.Sleep(10 * time.Second)
		w.wants("reporting", message.Delayed, message.ReasonStarting, "")
		if len(w.alerts.Open()) == 0 {
			t.Error("nobody was told that it cannot serve")
		}
		w.declareAll(w.module("ldp", old), next)
		time.Sleep(10 * time.Second)
		w.wants("reporting", message.Ready, message.NoReason, "1.0.0")
		w.wants("ldp", message.Ready, message.NoReason, "1.0.0")
		if by := stop(); len(by) != 2 || by[1] != "reporting" {
			t.Errorf("answered by %v, want ldp, then reporting", by)
		}
		if open := w.alerts.Open(); len(open) != 0 {
			t.Errorf("still open: %+v", open)
		}

		stop = w.askers("/ldp/tables") // to say it no longer registers nobody anew
		turn := w.state("reporting").Turn
		w.declareAll(w.module("ldp", old), w.module("reporting", next.Versions...))
		time.Sleep(10 * time.Second)
		if by := stop(); len(by) != 1 || by[0] != "reporting" || w.state("reporting").Turn != turn {
			t.Errorf("when it is not said any more, turn %d: answered by %v at turn %d", turn, by, w.state("reporting").Turn)
		}
	})
}
