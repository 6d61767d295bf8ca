package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// tenants is an adapter for the tenant interface of FOLIO's modules, in its
// version 2.0: POST /_/tenant begins a job, which is asked for until it is
// complete.
type tenants struct{ adapter.None }

func (tenants) Encode(e adapter.Event, x adapter.Exchange) (adapter.Encoding, error) {
	if e.Poll {
		x.SetMethod([]byte("GET"))
		x.SetTarget([]byte("/_/tenant/" + e.Memory[0].Value))
		x.SetBody(adapter.Request, nil)
	} else {
		name, _ := x.Property("module.name")
		version, _ := x.Property("module.version")
		x.SetTarget([]byte("/_/tenant"))
		x.SetBody(adapter.Request, fmt.Appendf(nil, `{"module_to":"%s-%s","epoch":%d}`, name, version, e.Data.Epoch))
	}
	return adapter.Encoding{Send: true}, nil
}

func (tenants) Reply(_ adapter.Call, x adapter.Exchange, failed bool) (adapter.Reply, error) {
	var job struct {
		ID       string
		Complete bool
		Error    string
	}
	body, err := x.Body(adapter.Response, 1<<10)
	switch {
	case failed:
		return adapter.Reply{Verdict: adapter.Retry}, nil
	case err != nil:
		return adapter.Reply{}, err
	case x.Status() == 204:
		return adapter.Reply{Verdict: adapter.Acknowledged}, nil
	case json.Unmarshal(body, &job) != nil || x.Status() >= 500:
		return adapter.Reply{Verdict: adapter.Retry, Reason: fmt.Sprintf("status %d", x.Status())}, nil
	case job.Error != "":
		return adapter.Reply{Verdict: adapter.GiveUp, Reason: job.Error}, nil
	case job.Complete:
		return adapter.Reply{Verdict: adapter.Acknowledged}, nil
	}
	return adapter.Reply{Verdict: adapter.InProgress, After: time.Second, Memory: []adapter.Attribute{{Name: "job", Value: job.ID}}}, nil
}

// folio is a module of FOLIO's kind: it restructures its data when its tenant
// interface is called, and knows its peers by their gateway only.
type folio struct {
	w       *world
	name    string
	gateway string // origin of its egress
	migrate func(*folio) error

	mu   sync.Mutex
	jobs []string // bodies of POST /_/tenant; guarded by mu, as below
	done map[string]error
}

func (f *folio) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch id, polled := strings.CutPrefix(r.URL.Path, "/_/tenant/"); {
	case r.URL.Path == "/_/tenant":
		body, _ := io.ReadAll(r.Body)
		f.jobs = append(f.jobs, string(body))
		id := fmt.Sprint("job", len(f.jobs))
		go func() {
			err := f.migrate(f)
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.done == nil {
				f.done = map[string]error{}
			}
			f.done[id] = err
		}()
		rw.WriteHeader(http.StatusCreated)
		fmt.Fprintf(rw, `{"id":%q,"complete":false}`, id)
	case polled:
		err, complete := f.done[id]
		text := ""
		if err != nil {
			text = err.Error()
		}
		fmt.Fprintf(rw, `{"id":%q,"complete":%v,"error":%q}`, id, complete, text)
	default:
		fmt.Fprintf(rw, "%s %s", f.name, r.URL.Path)
	}
}

func (f *folio) told() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.jobs)
}

// calls asks the gateway for a path, and passes on X-Okapi-Request-Id as FOLIO's
// modules do.
func (f *folio) calls(path string, head http.Header) (string, error) {
	req, err := http.NewRequest("GET", f.gateway+path, http.NoBody)
	if err != nil {
		return "", err
	}
	if id := head.Get("X-Okapi-Request-Id"); id != "" {
		req.Header.Set("X-Okapi-Request-Id", id)
	}
	resp, err := f.w.caller.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %d %s", path, resp.StatusCode, body)
	}
	return string(body), err
}

// onTakeover makes a module of versions one that the gateway updates.
func (w *world) onTakeover(name string, versions ...config.Version) config.Module {
	m := w.module(name, versions...)
	m.Update, m.Adapter, m.RunHeader = config.OnTakeover, "tenants", "X-Okapi-Request-Id"
	return m
}

// A mute module is upgraded under load. While it migrates it calls itself, and
// a peer that calls it back: nothing locks up, and no request fails (L4, U2,
// U3, U11).
func TestMuteModuleIsUpgradedWhileItCallsItselfAndAPeer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.adapters.Of("loans").Store(tenants{})
		w.adapters.Of("users").Store(adapter.None{})
		calls := make(chan string, 10)
		users := &folio{w: w, name: "users", gateway: "http://users-egress:80"}
		peer, uh := w.mute("users", "1.0.0", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/users/of-loan" { // whose loan is it? ask loans
				body, err := users.calls("/loans/back", r.Header)
				calls <- fmt.Sprintf("users calls back: %s %v", body, err)
			}
			users.ServeHTTP(rw, r)
		})
		peer.Egress = []string{"users-egress:80"}
		first := &folio{w: w, name: "loans 1.0.0", gateway: "http://loans-egress-1:80", migrate: func(*folio) error { return nil }}
		old, oh := w.mute("loans", "1.0.0", first.ServeHTTP)
		old.Egress = []string{"loans-egress-1:80"}
		second := &folio{w: w, name: "loans 2.0.0", gateway: "http://loans-egress-2:80", migrate: func(f *folio) error {
			time.Sleep(3 * time.Second)
			own, err := f.calls("/loans/own", nil)
			calls <- fmt.Sprintf("loans calls itself: %s %v", own, err)
			theirs, err2 := f.calls("/users/of-loan", nil)
			calls <- fmt.Sprintf("loans calls users: %s %v", theirs, err2)
			time.Sleep(2 * time.Second)
			return errors.Join(err, err2)
		}}
		next, nh := w.mute("loans", "2.0.0", second.ServeHTTP)
		next.Egress = []string{"loans-egress-2:80"}
		oh.is(200)
		uh.is(200)
		u := w.module("users", peer)
		u.RunHeader = "X-Okapi-Request-Id"
		w.declareAll(w.onTakeover("loans", old), u)
		time.Sleep(5 * time.Second)
		w.wants("loans", message.Ready, message.NoReason, "1.0.0")
		if got := first.told(); len(got) != 1 || got[0] != `{"module_to":"loans-1.0.0","epoch":1}` {
			t.Errorf("the first version was told %q", got) // with an empty floor, its first
		}

		w.declareAll(w.onTakeover("loans", old, next), u)
		client := &folio{w: w, gateway: w.data}
		done := make(chan struct{})
		var answered, of2 atomic.Int64
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for {
					select {
					case <-done:
						return
					case <-time.After(100 * time.Millisecond):
					}
					body, err := client.calls("/loans/1", nil)
					if err != nil {
						t.Error(err)
					}
					answered.Add(1)
					if strings.HasPrefix(body, "loans 2.0.0") {
						of2.Add(1)
					}
				}
			})
		}
		time.Sleep(10 * time.Second)
		w.wants("loans", message.Ready, message.NoReason, "1.0.0")
		nh.is(200)
		time.Sleep(6 * time.Second)
		w.wants("loans", message.Delayed, message.ReasonUpdating, "")
		time.Sleep(10 * time.Second)
		w.wants("loans", message.Ready, message.NoReason, "2.0.0")
		close(done)
		clients.Wait()
		close(calls)
		var said []string
		for c := range calls {
			said = append(said, c)
		}
		want := []string{
			"loans calls itself: loans 2.0.0 /loans/own <nil>",
			"users calls back: loans 2.0.0 /loans/back <nil>",
			"loans calls users: users /users/of-loan <nil>",
		}
		if !slices.Equal(said, want) {
			t.Errorf("during the migration: %q, want %q", said, want)
		}
		if got := second.told(); len(got) != 1 || !strings.Contains(got[0], `"loans-2.0.0"`) {
			t.Errorf("the second version was told %q", got)
		}
		if answered.Load() < 500 || of2.Load() < 100 {
			t.Errorf("%d answered, %d of them by 2.0.0", answered.Load(), of2.Load())
		}
		if open := w.alerts.Open(); len(open) > 0 {
			t.Errorf("open incidents: %+v", open)
		}
	})
}

// A holder that nobody hears any more is lost (U6). The process that is there
// in its place inherits the grant, and is told again, in a new epoch (U10).
func TestMuteHolderThatIsLostIsToldAgain(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.adapters.Of("loans").Store(tenants{})
		for _, answersWhile := range []int{503, 200} { // a holder may say that it is not ready
			name := fmt.Sprint("loans", answersWhile)
			w.adapters.Of(name).Store(tenants{})
			f := &folio{w: w, name: name, migrate: func(*folio) error { time.Sleep(5 * time.Minute); return nil }}
			v, h := w.mute(name, "1.0.0", f.ServeHTTP)
			v.Probe.UpdateFailures = 4
			h.is(200)
			w.declareAll(w.onTakeover(name, v))
			time.Sleep(2 * time.Second)
			w.wants(name, message.Delayed, message.ReasonUpdating, "")
			h.is(answersWhile)
			time.Sleep(time.Minute)
			w.wants(name, message.Delayed, message.ReasonUpdating, "")

			w.mu.Lock()
			host := w.hosts[name+"-1.0.0:80"]
			delete(w.hosts, name+"-1.0.0:80") // it refuses connections
			w.mu.Unlock()
			time.Sleep(26 * time.Second)
			w.wants(name, message.Delayed, message.ReasonUnhealthy, "")
			w.mu.Lock()
			w.hosts[name+"-1.0.0:80"] = host
			w.mu.Unlock()
			f.mu.Lock()
			f.migrate = func(*folio) error { time.Sleep(time.Second); return nil }
			f.mu.Unlock()
			time.Sleep(9 * time.Second)
			h.is(200)
			time.Sleep(6 * time.Second)
			w.wants(name, message.Ready, message.NoReason, "1.0.0")
			want := []string{`{"module_to":"` + name + `-1.0.0","epoch":1}`, `{"module_to":"` + name + `-1.0.0","epoch":2}`}
			if got := f.told(); !slices.Equal(got, want) {
				t.Errorf("it was told %q, want %q", got, want)
			}
			time.Sleep(5 * time.Minute) // the first job ends, and nobody asks
		}
	})
}

// What a module cannot do is said to the administrator, and a restart of the
// gateway tells it once more (G1).
func TestMuteModuleThatFailsToUpdate(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.adapters.Of("loans").Store(tenants{})
		broken := errors.New("no room on the disk")
		f := &folio{w: w, name: "loans", migrate: func(*folio) error { return broken }}
		v, h := w.mute("loans", "1.0.0", f.ServeHTTP)
		h.is(200)
		w.declareAll(w.onTakeover("loans", v))
		time.Sleep(time.Minute)
		w.wants("loans", message.Delayed, message.ReasonUpdating, "")
		failed := func(i alert.Incident) bool {
			return i.Severity == alert.Critical && strings.Contains(i.Summary, "loans 1.0.0 has failed to update: no room on the disk")
		}
		if !slices.ContainsFunc(w.alerts.Open(), failed) {
			t.Errorf("incidents: %+v", w.alerts.Open())
		}
		w.shut()
		broken = nil
		w.open(t)
		w.adapters.Of("loans").Store(tenants{})
		time.Sleep(20 * time.Second)
		w.wants("loans", message.Ready, message.NoReason, "1.0.0")
		if got := f.told(); len(got) != 2 || got[0] != got[1] {
			t.Errorf("it was told %q, want the same twice", got)
		}
	})
}

// The exit of its process is a mute instance's loss at once, a holder's too
// (U6); the next process is another registration (U10).
func TestExitOfAProcessIsItsInstancesLoss(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.adapters.Of("loans").Store(tenants{})
		f := &folio{w: w, name: "loans", migrate: func(*folio) error { time.Sleep(10 * time.Second); return nil }}
		v, h := w.mute("loans", "1.0.0", f.ServeHTTP)
		w.mu.Lock()
		w.hosts["127.0.0.1:9101"] = w.hosts["loans-1.0.0:80"]
		w.mu.Unlock()
		v.Upstreams = []string{"http://127.0.0.1:9101"}
		h.is(200)
		next := *w.cfg
		next.Modules = []config.Module{w.onTakeover("loans", v)}
		p := config.DefaultProcess("loans-1")
		p.Module, p.Port, p.Command = "loans", 9101, []string{"loans"}
		next.Processes = []config.Process{p}
		w.cfg = &next
		w.running.reload(&next)
		voices := w.voices.Load()
		time.Sleep(time.Minute)
		w.wants("loans", message.Missing, message.ReasonExpired, "") // it was never started

		voices.Started("loans-1")
		time.Sleep(5 * time.Second)
		w.wants("loans", message.Delayed, message.ReasonUpdating, "")
		voices.Ended("loans-1")
		w.wants("loans", message.Delayed, message.ReasonLost, "")
		time.Sleep(time.Second)
		voices.Started("loans-1")
		time.Sleep(12 * time.Second)
		w.wants("loans", message.Ready, message.NoReason, "1.0.0")
		if got := f.told(); len(got) != 2 || !strings.HasSuffix(got[1], `"epoch":2}`) {
			t.Errorf("it was told %q", got)
		}

		voices.Ended("loans-1")
		w.wants("loans", message.Delayed, message.ReasonLost, "")
		voices.Started("loans-1")
		time.Sleep(time.Second)
		w.wants("loans", message.Ready, message.NoReason, "1.0.0") // its data is granted already

		voices.Leave(context.Background(), "loans-1")
		w.wants("loans", message.Delayed, message.ReasonDisconnected, "")
		time.Sleep(10 * time.Second)
		voices.Ended("loans-1")
		w.wants("loans", message.Delayed, message.ReasonDisconnected, "")
		voices.Started("loans-1")
		time.Sleep(time.Second)
		w.wants("loans", message.Ready, message.NoReason, "1.0.0")
	})
}

// Of two mute instances of a version one updates; the other serves when it is
// done (U9). An older version is fenced, and comes back when its floor is
// lowered (V7, O1).
func TestMuteSiblingsAndTheFloor(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.adapters.Of("loans").Store(tenants{})
		old := &folio{w: w, name: "loans 1.0.0", migrate: func(*folio) error { return nil }}
		first, h1 := w.mute("loans", "1.0.0", old.ServeHTTP)
		a := &folio{w: w, name: "loans 2.0.0", migrate: func(*folio) error { time.Sleep(8 * time.Second); return nil }}
		second, h2 := w.mute("loans", "2.0.0", a.ServeHTTP)
		second.Upstreams = append(second.Upstreams, w.host("loans-2.0.0-b", h2.over(a.ServeHTTP)))
		h1.is(200)
		w.declareAll(w.onTakeover("loans", first, second))
		time.Sleep(5 * time.Second)
		w.wants("loans", message.Ready, message.NoReason, "1.0.0")
		h2.is(200)
		time.Sleep(7 * time.Second)
		w.wants("loans", message.Delayed, message.ReasonUpdating, "")
		time.Sleep(10 * time.Second)
		w.wants("loans", message.Ready, message.NoReason, "2.0.0")
		o, _ := w.control.Overview("loans")
		if n := len(o.Versions[len(o.Versions)-1].Instances); n != 2 || o.Versions[len(o.Versions)-1].Instances[0].Phase != message.Serving || o.Versions[len(o.Versions)-1].Instances[1].Phase != message.Serving {
			t.Errorf("of its two instances: %+v", o.Versions)
		}
		if got := a.told(); len(got) != 1 {
			t.Errorf("2.0.0 was told %q, want it once", got)
		}
		h2.is(503)
		time.Sleep(time.Minute)
		w.wants("loans", message.Missing, message.ReasonExpired, "")
		if _, err := w.control.Override("loans", message.Override{
			Type: message.LowerFloor, Version: module.MustVersion("1.0.0"), Who: "ada", Why: "2.0.0 does not do", AcceptDataLoss: true,
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		w.wants("loans", message.Ready, message.NoReason, "1.0.0")
	})
}

// An egress that cannot be opened refuses the configuration, and nothing has
// changed; one that is declared no longer is closed.
func TestEgressFollowsTheConfiguration(t *testing.T) { // C1, L4
	cfg := declare(t.TempDir(), upstream(t, "1.0.0"))
	address := freeAddress(t)
	cfg.Modules[0].Versions[0].Egress = []string{address}
	r := startWith(t, cfg)
	get := func() (string, error) {
		resp, err := http.Get("http://" + address + "/books/1")
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}
	if body, err := get(); body != "1.0.0" {
		t.Errorf("at its egress: %q %v", body, err)
	}
	next := declare(cfg.Gateway.DataDir, upstream(t, "2.0.0"))
	data, _ := r.Addresses()
	next.Modules[0].Versions[0].Egress = []string{data} // which is taken
	r.o.Reload = func() (*config.Config, any) { return next, nil }
	if _, changed, err := r.Reload(t.Context()); changed || err == nil || !strings.Contains(err.Error(), "open the egress of books 2.0.0") {
		t.Errorf("an egress that is taken: changed %v, %v", changed, err)
	}
	if body, err := get(); body != "1.0.0" {
		t.Errorf("after that, at its egress: %q %v", body, err)
	}
	last := declare(cfg.Gateway.DataDir, upstream(t, "2.0.0"))
	r.reload(last)
	http.DefaultClient.CloseIdleConnections()
	if body, err := get(); err == nil {
		t.Errorf("at the egress that is no more: %q", body)
	}
}
