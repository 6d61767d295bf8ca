package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/core/notify"
	"github.com/modgate/modgate/core/probe"
	"github.com/modgate/modgate/core/proxy"
	"github.com/modgate/modgate/core/requirement"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/core/store/bolt"
)

const (
	joinSecret = "a join secret of tests"
	adminToken = "an administrator's token of tests"
)

// platform is the API before a real Control on a store of its own.
type platform struct {
	t       *testing.T
	control *control.Control
	live    route.Live
	store   *bolt.File
	feed    Feed
	options Options
	handler http.Handler
	tokens  map[string]string // by instance
	seq     uint64

	notReady    error
	diagnostics any
	reloadFails error
	plugins     []adapter.View
}

// newPlatform opens a platform. In a synctest bubble the caller closes it.
func newPlatform(t *testing.T, change ...func(*Options)) *platform {
	t.Helper()
	p := &platform{t: t, tokens: map[string]string{"join": joinSecret, "admin": adminToken, "wrong": "wrong"}}
	var err error
	if p.store, err = bolt.Open(filepath.Join(t.TempDir(), "modgate.db"), time.Second); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Gateway.JoinSecret = joinSecret
	post := notify.Open(notify.Options{Told: func(n message.Notice) { p.control.Told(n) }})
	desk := alert.Open(alert.Options{})
	p.control, err = control.Open(control.Options{
		Store: p.store, Live: &p.live, Config: &cfg, RunKey: []byte("key"), Log: slog.New(slog.DiscardHandler),
		Review:       func(*route.Module, uint64) {},
		Decide:       func(fallback.Query) fallback.Decision { return fallback.Decision{} },
		Release:      func(*route.Module, uint64, int) {},
		Parked:       func(*route.Module) fallback.Parked { return fallback.Parked{} },
		EndStreams:   func(*route.Instance) {},
		AdmitStreams: func(*route.Instance) {},
		Tell:         post.Put,
		Forget:       post.Forget,
		Raise: func(module string, a lifecycle.Alert) {
			desk.Raise(alert.Alert{Key: a.Key, Module: module, Summary: a.Summary})
		},
		Resolve: desk.Clear,
		Reach:   func(string, string, func()) {},
		Unreach: func(string) {},
		Observe: p.feed.Observe,
	})
	if err != nil {
		t.Fatal(err)
	}
	processes, err := probe.OpenSupervisor(probe.SupervisorOptions{
		Processes: []probe.Process{
			{Name: "worker", Command: []string{"sleep", "60"}, StopTimeout: time.Second},
			{Name: "broken", Command: []string{"/there/is/no/such/program"}, Restart: config.Never},
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		processes.Close()
		post.Close()
		p.control.Close()
		desk.Close()
		p.store.Close()
	})
	o := Options{
		Control: p.control, Notices: post, Alerts: desk, Processes: processes, Feed: &p.feed,
		AdminToken: sha256.Sum256([]byte(adminToken)), Open: true, Version: "1.2.3", Log: slog.New(slog.DiscardHandler),
		Policies: func() PolicyStats {
			return PolicyStats{
				Decisions: []PolicyDecisions{{"request", "site", "busy", 5}}, Faults: []PolicyFaults{{"modules/m", "conflict", 2}},
				Evaluated: 4, Spared: 1, Broken: 1,
			}
		},
		Stats:   func() proxy.Stats { return proxy.Stats{Relayed: 7, Parked: 2} },
		Plugins: func() []adapter.View { return append([]adapter.View{}, p.plugins...) },
		Parked:  func(string) (int, time.Duration) { return 3, 1500 * time.Millisecond },
		Ready:   func() error { return p.notReady },
		Reload:  func(context.Context) (any, bool, error) { return p.diagnostics, true, p.reloadFails },
		Pending: func() []string { return []string{"gateway.settle"} },
		Plan: func(context.Context) (Plan, any, error) {
			return Plan{
				Changes:      []config.Change{{At: "module.m.grace", Was: `"30s"`, Is: `"45s"`, Effect: "at once"}},
				Requirements: []requirement.Shift{{Module: "m", Version: module.MustVersion("1.0.0"), ID: "i", Is: message.UnmetMissing, Found: "2.0"}},
			}, p.diagnostics, p.reloadFails
		},
	}
	for _, f := range change {
		f(&o)
	}
	p.options, p.handler = o, New(o)
	return p
}

// answer is what a call was answered with.
type answer struct {
	t *testing.T
	*http.Response
	body []byte
}

// call makes a call as the bearer of the secret or token of that name.
// Header holds names and values in turn.
func (p *platform) call(method, path, as, body string, header ...string) answer {
	p.t.Helper()
	return p.callWith(p.t.Context(), method, path, as, body, header...)
}

func (p *platform) callWith(ctx context.Context, method, path, as, body string, header ...string) answer {
	p.t.Helper()
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if as != "" {
		r.Header.Set("Authorization", "Bearer "+p.tokens[as])
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	a := answer{p.t, w.Result(), w.Body.Bytes()}
	fits(p.t, r, []byte(body), a)
	return a
}

// want holds the answer to a status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("answered %d, want %d: %s", a.StatusCode, status, a.body)
	}
	return a
}

// problem holds the answer to a status and a problem's type.
func (a answer) problem(status int, kind message.ProblemType) message.Problem {
	a.t.Helper()
	a.want(status)
	var p message.Problem
	a.decode(&p)
	if p.Type != kind || p.Status != status || p.Title == "" {
		a.t.Errorf("problem %+v, want %s, status %d and a title", p, kind, status)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Errorf("a problem of type %q", got)
	}
	return p
}

func (a answer) decode(v any) {
	a.t.Helper()
	dec := json.NewDecoder(bytes.NewReader(a.body))
	if err := dec.Decode(v); err != nil {
		a.t.Fatalf("decode %q: %v", a.body, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		a.t.Errorf("more than one value: %q", a.body)
	}
}

// registration is a body for POST /v1/instances.
func registration(module, version, instance string, more ...string) string {
	return fmt.Sprintf(`{"module":%q,"version":%q,"instance":%q,"upstream":"http://127.0.0.1:1"%s}`, module, version, instance, strings.Join(more, ""))
}

// register registers an instance and keeps its token under its id.
func (p *platform) register(module, version, instance string, more ...string) message.Registered {
	p.t.Helper()
	a := p.call("POST", "/v1/instances", "join", registration(module, version, instance, more...)).want(http.StatusCreated)
	var r message.Registered
	a.decode(&r)
	p.tokens[instance] = r.Token
	return r
}

// announce says something for an instance.
func (p *platform) announce(instance, verb string, header ...string) answer {
	p.t.Helper()
	p.seq++
	return p.call("POST", "/v1/instances/"+instance+"/announcements", instance, fmt.Sprintf(`{"type":%q,"seq":%d}`, verb, p.seq), header...)
}

// serve registers an instance that serves.
func (p *platform) serve(module, version, instance string, more ...string) {
	p.t.Helper()
	p.register(module, version, instance, more...)
	p.announce(instance, "resume").want(http.StatusOK)
}

// run begins a run at the module's serving instance.
func (p *platform) run(module string) *route.Door {
	p.t.Helper()
	i := p.live.Load().Modules[module].State().Serving.Instances[0]
	d := i.Enter(0)
	if d == nil {
		p.t.Fatalf("%s takes no run", i.ID)
	}
	return d
}
