package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// running is a gateway in this process.
type running struct {
	*Gateway
	t      *testing.T
	data   string // origin
	caller caller // with the join secret
	admin  caller
	log    *logText
	stop   context.CancelFunc
	ended  chan error
}

// logText keeps what the gateway logs.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func start(t *testing.T) *running {
	t.Helper()
	return startWith(t, testConfig(child{t.TempDir(), anyPort, anyPort}))
}

func startWith(t *testing.T, cfg *config.Config) *running {
	t.Helper()
	r := &running{t: t, log: &logText{}, ended: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if r.Gateway, err = Open(Options{Config: cfg, Log: log, Version: "test"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.ended <- r.Serve(ctx) }()
	data, control := r.Addresses()
	token, err := os.ReadFile(r.AdminTokenFile())
	if err != nil {
		t.Fatal(err)
	}
	r.data, r.caller = "http://"+data, caller{control: control, bearer: joinSecret}
	r.admin = r.caller.as(strings.TrimSpace(string(token)))
	t.Cleanup(r.close)
	return r
}

func (r *running) close() {
	r.stop()
	if err := <-r.ended; err != nil {
		r.t.Errorf("serve: %v", err)
	}
	if err := r.Close(); err != nil {
		r.t.Errorf("close: %v", err)
	}
}

// instance is a module's process, played by the test.
type instance struct {
	r     *running
	id    string
	token string
	seq   uint64
}

func (r *running) register(name, version, upstream string) *instance {
	r.t.Helper()
	var out message.Registered
	id := name + "-" + version
	status, err := r.caller.call("POST", "/v1/instances", message.Registration{
		Module: name, Version: module.MustVersion(version), Instance: id, Upstream: upstream,
		Routes: []message.Route{{Path: "/" + name}, {Path: "/" + name + "/*"}},
	}, &out)
	if err != nil || status != http.StatusCreated {
		r.t.Fatalf("register %s: %d %v", id, status, err)
	}
	return &instance{r, id, out.Token, 0}
}

func (i *instance) say(verb message.Verb) message.Answer {
	i.r.t.Helper()
	i.seq++
	var out message.Answer
	status, err := i.r.caller.as(i.token).call("POST", "/v1/instances/"+i.id+"/announcements", message.Announcement{Type: verb, Seq: i.seq}, &out, "Prefer", "wait=10")
	if err != nil || status != http.StatusOK {
		i.r.t.Fatalf("%s says %v: %d %v %+v", i.id, verb, status, err, out)
	}
	return out
}

// The wiring of the whole: a module is updated while requests pour in, and
// each of them is answered by the version that serves (U2, A3, V2).
func TestModuleIsUpdatedUnderLoadWithoutAFailedRequest(t *testing.T) {
	r := start(t)
	serve := func(version string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, version) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	old := r.register("books", "1.0.0", serve("1.0.0"))
	old.say(message.Resume)
	next := r.register("books", "2.0.0", serve("2.0.0"))

	var answered, parked atomic.Int64
	done := make(chan struct{})
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				resp, err := http.Get(fmt.Sprintf("%s/books/%d-%d", r.data, c, n))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%d %s %v", resp.StatusCode, body, err)
					return
				}
				answered.Add(1)
				if strings.HasPrefix(resp.Header.Get("Modgate-Status"), "resume") {
					parked.Add(1)
				}
			}
		})
	}
	if a := next.say(message.Update); a.Outcome != message.Granted || a.Epoch == nil || *a.Epoch != 1 {
		t.Errorf("update: %+v", a)
	}
	r.until("8 requests are parked", func() bool { n, _ := r.parked("books"); return n == 8 })
	if a := next.say(message.Resume); a.Outcome != message.Resumed {
		t.Errorf("resume: %+v", a)
	}
	r.until("all that were parked are answered", func() bool { return parked.Load() == 8 })
	close(done)
	clients.Wait()
	resp, err := http.Get(r.data + "/books/last")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "2.0.0" {
		t.Errorf("answered by %s", body)
	}
	t.Logf("%d answered, %d of them parked", answered.Load(), parked.Load())
}

// until waits for a condition that another goroutine brings about.
func (r *running) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestNothingSecretIsLogged(t *testing.T) { // I2
	r := start(t)
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	i := r.register("books", "1.0.0", s.URL)
	i.say(message.Resume)
	for _, token := range []string{i.token, "a-bad-token-of-a-caller"} {
		req, err := http.NewRequest("GET", r.data+"/books/1", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Modgate-Token", token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if _, err := r.caller.as("a-wrong-secret").call("POST", "/v1/instances", message.Registration{Module: "books"}, nil); err != nil {
		t.Fatal(err)
	}
	i.say(message.Disconnect)
	key, err := runKey(r.store)
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string]string{
		"join secret": joinSecret, "admin token": r.admin.bearer, "instance token": i.token, "run key": string(key),
		"bad token": "a-bad-token-of-a-caller", "wrong secret": "a-wrong-secret",
	} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log holds the %s", what)
		}
	}
	if !strings.Contains(r.log.String(), r.AdminTokenFile()) {
		t.Error("the log does not say where the administrator's token is")
	}
}

func TestSecretsAreFilesForTheOwnerOnly(t *testing.T) { // I2
	dir := t.TempDir()
	first, err := secretFile(dir, adminTokenFile)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir + "/" + adminTokenFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if again, err := secretFile(dir, adminTokenFile); err != nil || again != first {
		t.Errorf("the second start made another token: %v", err)
	}
	if err := os.WriteFile(dir+"/"+adminTokenFile, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secretFile(dir, adminTokenFile); err == nil {
		t.Error("a token that can be guessed was accepted")
	}
}
