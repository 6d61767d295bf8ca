package gateway

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// declare reloads the configuration, in which books has these versions now.
func (w *world) declare(versions ...config.Version) {
	w.t.Helper()
	w.declareAll(w.module("books", versions...))
}

// module returns a module of these versions.
func (w *world) module(name string, versions ...config.Version) config.Module {
	m := config.DefaultModule(name, w.cfg.Defaults)
	m.Versions = versions
	return m
}

func (w *world) declareAll(modules ...config.Module) {
	w.t.Helper()
	next := *w.cfg
	next.Modules = modules
	w.cfg = &next
	w.running.reload(&next)
}

// health is what a mute process answers to its probes.
type health struct{ status atomic.Int64 }

func (h *health) is(status int) { h.status.Store(int64(status)) }

// over serves the probes of what else does the rest.
func (h *health) over(rest http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/admin/health" {
			w.WriteHeader(int(h.status.Load()))
			return
		}
		rest(w, r)
	}
}

// mute is a process that knows nothing of the protocol.
func (w *world) mute(name, version string, rest http.HandlerFunc) (config.Version, *health) {
	h := &health{}
	h.is(503)
	probe := config.DefaultProbe()
	probe.Type, probe.Path, probe.Jitter = config.HTTPProbe, "/admin/health", 0
	return config.Version{
		Version: module.MustVersion(version), Upstreams: []string{w.host(name+"-"+version, h.over(rest))}, Probe: probe,
		Routes: []message.Route{{Path: "/" + name + "/*"}},
	}, h
}

func (w *world) state(name string) message.State {
	o, _ := w.control.Overview(name)
	return o.State
}

// wants fails unless the module is in that state, for that reason.
func (w *world) wants(name string, state message.Availability, reason message.Reason, serving string) {
	w.t.Helper()
	synctest.Wait()
	if s := w.state(name); s.State != state || s.Reason != reason || s.Serving.String() != serving && serving != "" {
		w.t.Errorf("%s is %v %v, serving %s; want %v %v %s\n%s", name, s.State, s.Reason, s.Serving, state, reason, serving, w.running.log)
	}
}

func TestProbesAnnounceForMuteModules(t *testing.T) { // L2, L4, V6
	inWorld(t, nil, func(w *world) {
		v, h := w.mute("books", "1.0.0", saying("1.0.0"))
		w.declare(v)
		w.wants("books", message.Delayed, message.ReasonStarting, "")
		time.Sleep(w.cfg.Defaults.StartTTL + time.Second)
		if !slices.ContainsFunc(w.alerts.Open(), func(i alert.Incident) bool { return strings.HasPrefix(i.Key, "start/") }) {
			t.Errorf("nobody was told that it does not start: %v", w.alerts.Open())
		}
		h.is(200)
		time.Sleep(6 * time.Second)
		w.wants("books", message.Ready, message.NoReason, "1.0.0")

		h.is(500)
		time.Sleep(8 * time.Second)
		w.wants("books", message.Ready, message.NoReason, "1.0.0") // two failures are not three
		time.Sleep(8 * time.Second)
		w.wants("books", message.Delayed, message.ReasonUnhealthy, "")
		h.is(200)
		time.Sleep(5 * time.Second)
		w.wants("books", message.Ready, message.NoReason, "1.0.0")
	})
}

func TestHigherMuteVersionTakesOverWhenItIsHealthy(t *testing.T) { // V2, V6
	inWorld(t, nil, func(w *world) {
		old, h1 := w.mute("books", "1.0.0", saying("1.0.0"))
		next, h2 := w.mute("books", "1.1.0", saying("1.1.0"))
		h1.is(200)
		w.declare(old, next)
		time.Sleep(time.Minute)
		w.wants("books", message.Ready, message.NoReason, "1.0.0")
		h2.is(200)
		time.Sleep(6 * time.Second)
		w.wants("books", message.Ready, message.NoReason, "1.1.0")
		h2.is(503) // the older one is dropped, and does not come back by itself
		time.Sleep(time.Minute)
		w.wants("books", message.Missing, message.ReasonExpired, "")
		w.declare(old)
		time.Sleep(6 * time.Second)
		w.wants("books", message.Ready, message.NoReason, "1.0.0")
	})
}

func TestRegisteredInstancesAreProbedWhereThereIsAProbe(t *testing.T) { // L2
	inWorld(t, nil, func(w *world) {
		_, h := w.mute("other", "1.0.0", saying(""))
		h.is(503)
		m := w.module("films")
		m.Probe = config.DefaultProbe()
		m.Probe.Type, m.Probe.Path, m.Probe.Jitter = config.HTTPProbe, "/admin/health", 0
		w.declareAll(m)
		i := w.join("films", "1.0.0", "http://other-1.0.0:80")
		defer i.alive()()
		time.Sleep(20 * time.Second)
		h.is(200)
		i.say(message.Resume)
		time.Sleep(6 * time.Second)
		w.wants("films", message.Ready, message.NoReason, "1.0.0")
		h.is(503)
		time.Sleep(16 * time.Second)
		w.wants("films", message.Delayed, message.ReasonUnhealthy, "")
		resumed := i.later(message.Resume) // as who learns from its renewal that it is out
		time.Sleep(10 * time.Second)
		w.wants("films", message.Delayed, message.ReasonUnhealthy, "")
		if o, _ := w.control.Overview("films"); o.Versions[0].Phase != message.Starting || !o.Versions[0].Instances[0].Sick {
			t.Errorf("its RESUME is held, and administrators see %+v", o.Versions)
		}
		h.is(200)
		if s := <-resumed; s.Outcome != message.Resumed {
			t.Errorf("the RESUME that was held is answered %+v", s)
		}
		w.wants("films", message.Ready, message.NoReason, "1.0.0")

		h.is(503) // and who is not asked any more is not doubted
		time.Sleep(16 * time.Second)
		w.wants("films", message.Delayed, message.ReasonUnhealthy, "")
		m.Probe = config.DefaultProbe()
		w.declareAll(m)
		time.Sleep(time.Second)
		i.say(message.Resume)
		w.wants("films", message.Ready, message.NoReason, "1.0.0")
	})
}

// pausing is an adapter of modules that are told to pause and to go on.
type pausing struct{ adapter.None }

func (pausing) Hooks() adapter.Hooks { return adapter.HookEncode }

func (pausing) Encode(e adapter.Event, x adapter.Exchange) (adapter.Encoding, error) {
	target := "/pause?for=" + e.Subject
	if e.Kind == message.NoticeResume {
		target = "/resume?for=" + e.Subject
	}
	x.SetMethod([]byte("PUT"))
	x.SetTarget([]byte(target))
	return adapter.Encoding{Send: true}, nil
}

// A mute module is told of its requirements in the words of its adapter, and
// what it does not take is told again (D2, L4, N1).
func TestMuteModuleIsToldOfItsRequirements(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.adapters.Of("loans").Store(pausing{})
		var mu sync.Mutex
		var told []string
		status := http.StatusOK
		loans, lh := w.mute("loans", "1.0.0", func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, r.Method+" "+r.URL.String())
			rw.WriteHeader(status)
		})
		wants := func(want ...string) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Errorf("it was told %q, want %q", told, want)
			}
			told = nil
		}
		loans.Requires = []module.Requirement{{ID: "users", Range: "1.0"}}
		users, uh := w.mute("users", "1.0.0", saying("users"))
		plain, ph := w.mute("plain", "1.0.0", func(_ http.ResponseWriter, r *http.Request) { t.Errorf("who has no adapter was told %s", r.URL) })
		plain.Requires = loans.Requires
		for _, h := range []*health{lh, uh, ph} {
			h.is(200)
		}
		w.declareAll(w.module("loans", loans), w.module("plain", plain), w.module("users", users))
		time.Sleep(10 * time.Second)
		w.wants("loans", message.Ready, message.NoReason, "1.0.0")
		mu.Lock()
		told = nil // users may have come later
		mu.Unlock()

		uh.is(503)
		time.Sleep(20 * time.Second)
		wants("PUT /pause?for=users")
		uh.is(200)
		time.Sleep(10 * time.Second)
		wants("PUT /resume?for=users")

		mu.Lock()
		status = http.StatusInternalServerError
		mu.Unlock()
		uh.is(503)
		time.Sleep(16 * time.Minute)
		overdue := func(i alert.Incident) bool { return strings.HasPrefix(i.Key, "notices/loans") }
		if !slices.ContainsFunc(w.alerts.Open(), overdue) {
			t.Errorf("nobody was told that it takes no notice: %+v", w.alerts.Open())
		}
		mu.Lock()
		if n := len(told); n < 9 || n > 14 { // after 1, 2, 4 ... s, then every 5 minutes
			t.Errorf("it was told %d times", n)
		}
		told, status = nil, http.StatusOK
		mu.Unlock()
		uh.is(200)
		time.Sleep(6 * time.Minute)
		wants() // it never took that users was away
		if open := w.alerts.Open(); slices.ContainsFunc(open, overdue) {
			t.Errorf("open incidents: %+v", open)
		}
	})
}
