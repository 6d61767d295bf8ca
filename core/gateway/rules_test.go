package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/message"
)

// get returns the status and body of a request to the data listener.
func (r *running) get(path string) (int, string, http.Header) {
	r.t.Helper()
	resp, err := http.Get(r.data + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// says starts an upstream that answers with a word.
func says(t *testing.T, word string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, word) }))
	t.Cleanup(s.Close)
	return s.URL
}

func TestNewRequestsGoToTheHighestVersionOnly(t *testing.T) { // V1, V2, V3, V4
	r := start(t)
	old := r.register("books", "1.0.0", says(t, "1.0.0"))
	old.say(message.Resume)
	next := r.register("books", "1.1.0", says(t, "1.1.0"))
	if _, body, _ := r.get("/books/1"); body != "1.0.0" {
		t.Errorf("before the RESUME of 1.1.0: %s", body)
	}
	next.say(message.Resume)
	for range 20 {
		if _, body, _ := r.get("/books/1"); body != "1.1.0" {
			t.Fatalf("after it: %s", body)
		}
	}
	late := r.register("books", "1.0.5", says(t, "1.0.5"))
	var o control.Overview
	if _, err := r.admin.call("GET", "/v1/admin/modules/books", nil, &o); err != nil {
		t.Fatal(err)
	}
	for _, v := range o.Versions {
		if v.Version.String() == "1.0.5" && v.Phase != message.Idle {
			t.Errorf("a lower version that registers later is %v", v.Phase)
		}
	}
	if status, err := r.caller.as(late.token).call("POST", "/v1/instances/"+late.id+"/announcements", message.Announcement{Type: message.Resume, Seq: 1}, nil); err != nil || status != http.StatusConflict {
		t.Errorf("its RESUME: %d %v", status, err)
	}
}

func TestVanishedPathIsSaidToBeRemoved(t *testing.T) { // V9
	r := start(t)
	old := r.register("books", "1.0.0", says(t, "1.0.0"))
	old.say(message.Resume)
	var out message.Registered
	reg := message.Registration{Module: "books", Instance: "books-2", Upstream: says(t, "2.0.0"), Routes: []message.Route{{Path: "/books"}}}
	if err := reg.Version.UnmarshalText([]byte("2.0.0")); err != nil {
		t.Fatal(err)
	}
	if status, err := r.caller.call("POST", "/v1/instances", reg, &out); err != nil || status != http.StatusCreated {
		t.Fatalf("register: %d %v", status, err)
	}
	(&instance{r, "books-2", out.Token, 0}).say(message.Resume)
	if status, body, _ := r.get("/books/7"); status != http.StatusNotFound || !strings.Contains(body, "removed-in 2.0.0") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := r.get("/nobody"); status != http.StatusNotFound {
		t.Errorf("an unknown path: %d", status)
	}
}

func TestReloadDropsNoRegisteredVersion(t *testing.T) { // C1
	r := start(t)
	r.register("books", "1.0.0", says(t, "1.0.0")).say(message.Resume)
	next := *r.config
	next.Defaults.TTL = 7 * time.Second
	next.Modules = []config.Module{config.DefaultModule("films", next.Defaults)}
	for _, c := range []struct {
		cfg     *config.Config
		wrong   any
		changed bool
	}{{&next, nil, true}, {&next, nil, false}, {nil, "diagnostics", false}} {
		r.o.Reload = func() (*config.Config, any) { return c.cfg, c.wrong }
		wrong, changed, err := r.Reload(context.Background())
		if err != nil || changed != c.changed || wrong != c.wrong {
			t.Errorf("reload: %v %v %v, want %v %v", wrong, changed, err, c.wrong, c.changed)
		}
		if status, _, _ := r.get("/books/1"); status != http.StatusOK {
			t.Errorf("after the reload books answers %d", status)
		}
	}
	if _, known := r.control.Overview("films"); !known {
		t.Error("a module that the new configuration names is unknown")
	}
}

func TestNoFalse404AfterAStart(t *testing.T) { // G3, G1
	cfg := testConfig(child{t.TempDir(), anyPort, anyPort})
	films := config.DefaultModule("films", cfg.Defaults)
	films.Paths = []string{"/films/{id}"}
	cfg.Modules = []config.Module{films}
	r := startWith(t, cfg)
	if status, body, _ := r.get("/anything"); status != http.StatusServiceUnavailable || !strings.Contains(body, "starting") {
		t.Errorf("an unmatched path while a configured module has never registered: %d %s", status, body)
	}
	answered := make(chan string, 1)
	go func() {
		_, body, _ := r.get("/films/1")
		answered <- body
	}()
	r.until("the request is parked", func() bool { n, _ := r.parked("films"); return n == 1 })
	r.register("films", "1.0.0", says(t, "a film")).say(message.Resume)
	if body := <-answered; body != "a film" {
		t.Errorf("the parked request got %s", body)
	}
	if status, _, _ := r.get("/anything"); status != http.StatusNotFound {
		t.Errorf("an unmatched path afterwards: %d", status)
	}
}

func TestStopAtTheVeryStartEnds(t *testing.T) {
	for range 20 {
		g, err := Open(Options{Config: testConfig(child{t.TempDir(), anyPort, anyPort}), Log: slog.New(slog.DiscardHandler), Version: "test"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.Serve(ctx); err != nil {
			t.Error(err)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCallersMustBeIdentifiedWhereItSaysSo(t *testing.T) { // I1
	cfg := testConfig(child{t.TempDir(), anyPort, anyPort})
	books := config.DefaultModule("books", cfg.Defaults)
	books.Callers = config.Identified
	cfg.Modules = []config.Module{books}
	r := startWith(t, cfg)
	i := r.register("books", "1.0.0", says(t, "1.0.0"))
	i.say(message.Resume)
	if status, _, _ := r.get("/books/1"); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	req, err := http.NewRequest("GET", r.data+"/books/1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Modgate-Token", i.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("with one: %d", resp.StatusCode)
	}
}
