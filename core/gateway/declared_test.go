package gateway

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// upstream is a process that answers with its version.
func upstream(t *testing.T, version string) config.Version {
	t.Helper()
	return config.Version{
		Version: module.MustVersion(version), Upstreams: []string{says(t, version)}, Routes: []message.Route{{Path: "/books/*"}},
	}
}

// declare returns a configuration in which books has these versions.
func declare(dir string, versions ...config.Version) *config.Config {
	cfg := testConfig(child{dir, anyPort, anyPort})
	m := config.DefaultModule("books", cfg.Defaults)
	m.Versions = versions
	cfg.Modules = []config.Module{m}
	return cfg
}

// reload puts cfg in force.
func (r *running) reload(cfg *config.Config) {
	r.t.Helper()
	r.o.Reload = func() (*config.Config, any) { return cfg, nil }
	if wrong, changed, err := r.Reload(r.t.Context()); wrong != nil || !changed || err != nil {
		r.t.Fatalf("reload: %v, changed %v, %v", wrong, changed, err)
	}
}

// borrow returns the answer to a request to books.
func (r *running) borrow() string {
	r.t.Helper()
	_, body, _ := r.get("/books/1")
	return body
}

func (r *running) books() message.State {
	r.t.Helper()
	o, _ := r.control.Overview("books")
	return o.State
}

// It serves from the first request on, and a restart of the gateway is none
// of the module (C1, G1).
func TestDeclaredVersionServesAtOnce(t *testing.T) {
	dir := t.TempDir()
	cfg := declare(dir, upstream(t, "1.0.0"))
	var turn uint64
	for _, start := range []string{"first", "second"} {
		t.Run(start, func(t *testing.T) { // which closes the gateway
			r := startWith(t, cfg)
			if got := r.borrow(); got != "1.0.0" {
				t.Errorf("got %q", got)
			}
			o, _ := r.control.Overview("books")
			if len(o.Versions) != 1 || len(o.Versions[0].Instances) != 1 {
				t.Errorf("got %+v", o)
			}
			if turn != 0 && o.Turn != turn {
				t.Errorf("turn %d, then %d", turn, o.Turn)
			}
			turn = o.Turn
		})
	}
}

// Versions come and go with reloads as processes would: the higher takes
// over (V2), and when it is taken back the lower serves again (V7).
func TestReloadAnnouncesDeclaredVersions(t *testing.T) {
	dir := t.TempDir()
	older, newer := upstream(t, "1.0.0"), upstream(t, "2.0.0")
	r := startWith(t, declare(dir, older))
	for _, c := range []struct {
		versions []config.Version
		want     string
	}{
		{[]config.Version{older, newer}, "2.0.0"},
		{[]config.Version{older}, "1.0.0"},
		{[]config.Version{newer}, "2.0.0"},
	} {
		r.reload(declare(dir, c.versions...))
		r.until("it is "+c.want, func() bool { return r.borrow() == c.want })
	}
	gone := declare(dir)
	gone.Modules = nil // the block is gone, and with it what it declared
	r.reload(gone)
	r.until("it said DISCONNECT", func() bool { return r.books().Reason == message.ReasonDisconnected })
	r.until("it is forgotten", func() bool {
		entries, err := r.store.Load("declared")
		return err == nil && len(entries) == 1 && string(entries[0].Value) == "{}"
	})
}

func TestWhatVanishedWhileTheGatewayWasDownDisconnects(t *testing.T) {
	dir := t.TempDir()
	v := upstream(t, "1.0.0")
	t.Run("declared", func(t *testing.T) {
		if got := startWith(t, declare(dir, v)).borrow(); got != "1.0.0" {
			t.Errorf("got %q", got)
		}
	})
	r := startWith(t, declare(dir))
	r.until("it said DISCONNECT", func() bool { return r.books().Reason == message.ReasonDisconnected })
}

// What is declared anew with other routes registers again.
func TestChangedDeclarationIsInForce(t *testing.T) {
	dir := t.TempDir()
	v := upstream(t, "1.0.0")
	r := startWith(t, declare(dir, v))
	v.Routes = []message.Route{{Path: "/books/{id}"}}
	r.reload(declare(dir, v))
	r.until("its route is there", func() bool {
		o, _ := r.control.Overview("books")
		return r.borrow() == "1.0.0" && o.Versions[0].Routes[0].Path == "/books/{id}"
	})
}

func TestLeaseOfDeclaredVersionIsRenewed(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.declare(config.Version{Version: module.MustVersion("1.0.0"), Upstreams: []string{w.host("books", saying("1.0.0"))}})
		before := w.books().Turn
		time.Sleep(time.Hour)
		if s := w.books(); s.State != message.Ready || s.Turn != before {
			t.Errorf("got %+v, turn %d before", s, before)
		}
	})
}

// A route that a registered module has keeps the declared one waiting, and
// the administrator is told until it may serve (V9).
func TestDeclaredVersionWaitsForItsRoute(t *testing.T) {
	cfg := declare(t.TempDir())
	cfg.Modules = nil
	r := startWith(t, cfg)
	guest := r.register("books", "1.0.0", "http://127.0.0.1:1")
	guest.say(message.Resume)
	next := declare(cfg.Gateway.DataDir, upstream(t, "2.0.0"))
	next.Modules[0].Name, next.Defaults.TTL = "library", 0
	r.reload(next)
	if open := r.alerts.Open(); len(open) != 1 || open[0].Module != "library" || open[0].Severity != alert.Critical {
		t.Errorf("alerts: %+v", open)
	}
	guest.say(message.Disconnect) // and is missing at once
	r.until("it serves", func() bool { return r.borrow() == "2.0.0" })
	r.until("the incident is over", func() bool {
		return !slices.ContainsFunc(r.alerts.Open(), func(i alert.Incident) bool { return i.Module == "library" })
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
