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
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

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
// interface is called.
type folio struct {
	name    string
	migrate func() error

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
			err := f.migrate()
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

// onTakeover makes a module of versions one that the gateway updates.
func (w *world) onTakeover(name string, versions ...config.Version) config.Module {
	m := w.module(name, versions...)
	m.Update, m.Adapter, m.RunHeader = config.OnTakeover, "tenants", "X-Okapi-Request-Id"
	return m
}

// A holder that nobody hears any more is lost (U6). The process that is there
// in its place inherits the grant, and is told again, in a new epoch (U10).
func TestMuteHolderThatIsLostIsToldAgain(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.adapters.Of("loans").Store(tenants{})
		for _, answersWhile := range []int{503, 200} { // a holder may say that it is not ready
			name := fmt.Sprint("loans", answersWhile)
			w.adapters.Of(name).Store(tenants{})
			f := &folio{name: name, migrate: func() error { time.Sleep(5 * time.Minute); return nil }}
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
			f.migrate = func() error { time.Sleep(time.Second); return nil }
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
		f := &folio{name: "loans", migrate: func() error { return broken }}
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
		f := &folio{name: "loans", migrate: func() error { time.Sleep(10 * time.Second); return nil }}
		v, h := w.mute("loans", "1.0.0", f.ServeHTTP)
		w.mu.Lock()
		w.hosts["127.0.0.1:9101"] = w.hosts["loans-1.0.0:80"]
		w.mu.Unlock()
		v.Upstreams = []string{"http://127.0.0.1:9101"}
		h.is(200)
		next := *w.cfg
		next.Modules = []config.Module{w.onTakeover("loans", v)}
		p := config.DefaultProcess("loans-1")
		p.Module, p.Port, p.Command, p.Autostart = "loans", 9101, []string{"loans"}, false
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
		old := &folio{name: "loans 1.0.0", migrate: func() error { return nil }}
		first, h1 := w.mute("loans", "1.0.0", old.ServeHTTP)
		a := &folio{name: "loans 2.0.0", migrate: func() error { time.Sleep(8 * time.Second); return nil }}
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
