package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/core/park"
)

// world is a whole gateway with its modules in a bubble of virtual time: the
// real proxy and control API, on listeners in memory.
type world struct {
	*running
	cfg   *config.Config
	began time.Time

	mu    sync.Mutex
	hosts map[string]*fasthttputil.InmemoryListener // by host:port
	log   []string                                  // what upstreams did, "host path"; guarded by mu
}

// inWorld plays in a bubble.
func inWorld(t *testing.T, change func(*config.Config), play func(*world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		cfg := config.Default()
		cfg.Gateway.DataDir, cfg.Gateway.JoinSecret = dir, joinSecret
		cfg.Gateway.Settle = time.Nanosecond
		if change != nil {
			change(&cfg)
		}
		for i := range cfg.Modules {
			cfg.Modules[i].Lifecycle = cfg.Defaults.Lifecycle
		}
		w := &world{cfg: &cfg, began: time.Now(), hosts: map[string]*fasthttputil.InmemoryListener{}}
		w.open(t)
		play(w)
		w.shut()
	})
}

// patient lets requests wait as long as the absence lasts.
func patient(t *testing.T, cfg *config.Config) {
	t.Helper()
	dir := t.TempDir()
	policy := "package modgate.site\n\nrequest := {\"action\": \"delay\", \"mode\": \"park\", \"wait_s\": 86400, \"rule\": \"patience\"}\n"
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "site"), 0o755), os.WriteFile(filepath.Join(dir, "site", "patience.rego"), []byte(policy), 0o644)); err != nil {
		t.Fatal(err)
	}
	cfg.Gateway.Policies = dir
}

// open starts the gateway, a second time after shut.
func (w *world) open(t *testing.T) {
	t.Helper()
	data, control := fasthttputil.NewInmemoryListener(), fasthttputil.NewInmemoryListener()
	w.mu.Lock()
	w.hosts["data:80"], w.hosts["control:80"] = data, control
	w.mu.Unlock()
	r := &running{t: t, log: &logText{}, ended: make(chan error, 1)}
	cfg := *w.cfg
	var err error
	r.Gateway, err = Open(Options{
		Config: &cfg, Version: "test", Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		wires: wires{
			listen:  func(string, string) (net.Listener, net.Listener, error) { return data, control, nil },
			dial:    w.dial,
			egress:  w.listen,
			watcher: new(park.Watcher), // it would wait for real sockets
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.ended <- r.Serve(ctx) }()
	token, err := os.ReadFile(r.AdminTokenFile())
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: w.dial, DisableKeepAlives: true}}
	r.data, r.caller = "http://data:80", caller{"control:80", joinSecret, client}
	r.admin = r.caller.as(strings.TrimSpace(string(token)))
	w.running = r
}

// shut ends the gateway, and lets fasthttp's workers notice.
func (w *world) shut() {
	w.close()
	time.Sleep(time.Minute)
}

// listen opens an egress at that address.
func (w *world) listen(_, address string) (net.Listener, error) {
	l := fasthttputil.NewInmemoryListener()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[address] = l
	return l, nil
}

func (w *world) dial(_ context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	l := w.hosts[address]
	w.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return l.Dial()
}

// host serves h at http://NAME:80 until the world ends, and returns that.
func (w *world) host(name string, h http.HandlerFunc) string {
	l := fasthttputil.NewInmemoryListener()
	w.mu.Lock()
	w.hosts[name+":80"] = l
	w.mu.Unlock()
	s := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.log = append(w.log, name+" "+r.URL.Path)
		w.mu.Unlock()
		h(rw, r)
	})}
	go s.Serve(l) //nolint:errcheck // until it is closed
	w.t.Cleanup(func() { s.Close() })
	return "http://" + name + ":80"
}

// says is a handler that answers with a word.
func saying(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, word) }
}

// taking is saying after a while, or when the request is cut off.
func taking(d time.Duration, word string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			io.WriteString(w, word)
		case <-r.Context().Done():
		}
	}
}

// join registers an instance NAME-VERSION at that host, and keeps its lease
// until it is told to stop.
func (w *world) join(name, version, upstream string, requires ...module.Requirement) *instance {
	w.t.Helper()
	var out message.Registered
	id := name + "-" + version
	status, err := w.caller.call("POST", "/v1/instances", message.Registration{
		Module: name, Version: module.MustVersion(version), Instance: id, Upstream: upstream, Requires: requires,
		Routes: []message.Route{{Path: "/" + name}, {Path: "/" + name + "/*"}},
	}, &out)
	if err != nil || status != http.StatusCreated {
		w.t.Fatalf("register %s: %d %v", id, status, err)
	}
	return &instance{w.running, id, out.Token, 0}
}

// alive renews i's lease every second until stop is called.
func (i *instance) alive() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-time.After(time.Second):
				i.renew()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// renew returns the status, and the epoch with which i may write.
func (i *instance) renew() (status int, epoch *uint64) {
	var out message.Renewed
	status, err := i.r.caller.as(i.token).call("PUT", "/v1/instances/"+i.id+"/lease", nil, &out)
	if err != nil {
		i.r.t.Errorf("renew %s: %v", i.id, err)
	}
	return status, out.Epoch
}

// later says verb in the background; the answer comes with how long it took.
func (i *instance) later(verb message.Verb) <-chan said { return i.laterFor(verb, 300) }

// laterFor is later with another wait, in seconds.
func (i *instance) laterFor(verb message.Verb, wait int) <-chan said {
	i.seq++
	a := message.Announcement{Type: verb, Seq: i.seq}
	out := make(chan said, 1)
	start := time.Now()
	go func() {
		var s said
		s.status, s.err = i.r.caller.as(i.token).call("POST", "/v1/instances/"+i.id+"/announcements", a, &s.Answer, "Prefer", fmt.Sprint("wait=", wait))
		s.after = time.Since(start)
		out <- s
	}()
	synctest.Wait()
	return out
}

// said is the answer to an announcement.
type said struct {
	message.Answer
	status int
	err    error
	after  time.Duration
}

// answer is one of the data plane.
type answer struct {
	status int
	body   string
	header http.Header
	err    error
	after  time.Duration
}

// ask sends a request to the data plane, and lets everything happen that
// follows at once. Headers are pairs.
func (w *world) ask(path string, headers ...string) <-chan answer {
	out := w.request(path, headers...)
	synctest.Wait()
	return out
}

// request sends a request to the data plane; for the inside of upstreams.
func (w *world) request(path string, headers ...string) <-chan answer {
	out := make(chan answer, 1)
	start := time.Now()
	req, err := http.NewRequest("GET", w.data+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := w.caller.client
	go func() {
		var a answer
		defer func() { a.after = time.Since(start); out <- a }()
		resp, err := client.Do(req)
		if err != nil {
			a.err = err
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		a = answer{status: resp.StatusCode, body: string(body), header: resp.Header, err: err}
	}()
	return out
}

// wants compares an answer, and when it came.
func (a answer) wants(t *testing.T, status int, part string, after time.Duration) {
	t.Helper()
	if a.err != nil || a.status != status || !strings.Contains(a.body, part) || a.after != after {
		t.Errorf("answered %d %q after %v (%v), want %d with %q after %v", a.status, a.body, a.after, a.err, status, part, after)
	}
}
