package gateway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
)

// What waits for the next start is named, changes nothing, and is refused where
// the rest would be wrong without it.
func TestWhatWaitsForTheNextStart(t *testing.T) {
	s := newStage(t)
	next := s.base
	next.Gateway.Settle, next.Gateway.DataDir = time.Minute, t.TempDir()
	s.o.Reload = func() (*config.Config, any) { return &next, nil }
	if wrong, changed, err := s.Reload(t.Context()); wrong != nil || changed || err != nil {
		t.Errorf("reload: %v %v %v", wrong, changed, err)
	}
	if got := s.Pending(); !slices.Equal(got, []string{"gateway.data_dir", "gateway.settle"}) {
		t.Errorf("pending are %q", got)
	}
	if s.config.Gateway.Settle != 0 || !reflect.DeepEqual(s.config.Gateway, s.base.Gateway) {
		t.Error("something is in force that waits")
	}
	next.Gateway.Settle, next.Gateway.DataDir = s.base.Gateway.Settle, s.base.Gateway.DataDir
	next.Processes = []config.Process{config.DefaultProcess("p")}
	next.Processes[0].Command, next.Processes[0].Port = []string{"true"}, 47113
	running := *s.config
	running.Gateway.Listen = "127.0.0.1:47113"
	s.Gateway.reload.Lock()
	s.config = &running
	s.Gateway.reload.Unlock()
	next.Gateway.Listen = anyPort
	if _, changed, err := s.Reload(t.Context()); changed || err == nil || !strings.Contains(err.Error(), "process.p.port would be wrong until then") {
		t.Errorf("reload: %v %v", changed, err)
	}
}

// A reload that is refused half-way leaves every part as it was.
func TestRefusedReloadChangesNothing(t *testing.T) { // C1
	s := newStage(t)
	taken, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	broken := t.TempDir()
	writePolicy(t, broken, "site/a.rego", "package modgate.site\ngrace := {")
	for name, edit := range map[string]func(*config.Config){
		"a policy that is broken":     func(c *config.Config) { c.Gateway.Policies = broken },
		"a folder that is not there":  func(c *config.Config) { c.Gateway.Policies = filepath.Join(broken, "absent") },
		"plugins in a file":           func(c *config.Config) { c.Gateway.Plugins = filepath.Join(broken, "site", "a.rego") },
		"a certificate that is none":  func(c *config.Config) { c.Gateway.TLS.Certificates = []string{filepath.Join(broken, "site", "a.rego")} },
		"an egress that is taken":     func(c *config.Config) { c.Modules = []config.Module{egressAt(t, c, taken.Addr().String())} },
		"a program that is not there": func(c *config.Config) { c.Processes = append(c.Processes, runs("p", "/nowhere/to-be-found")) },
		"of two egresses one is taken": func(c *config.Config) {
			c.Modules = []config.Module{egressAt(t, c, freeAddress(t), taken.Addr().String())}
		},
		"a command after a free egress": func(c *config.Config) {
			c.Processes = append(c.Processes, runs("p", "/nowhere"))
			c.Modules = []config.Module{egressAt(t, c, freeAddress(t))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			next := s.base
			next.Gateway.Limits.Body, next.Gateway.TenantHeader = config.KiB, "Tenant"
			next.Sinks = []config.Sink{{Name: "chat", Webhook: config.SinkWebhook{URL: "http://127.0.0.1:1"}}}
			edit(&next)
			s.o.Reload = func() (*config.Config, any) { return &next, nil }
			before, keys := s.config, s.keys.Load()
			wrong, changed, err := s.Reload(t.Context())
			if changed || wrong == nil && err == nil {
				t.Fatalf("reload: %v, changed %v, %v", wrong, changed, err)
			}
			if s.config != before || s.keys.Load() != keys || len(s.sinks.couriers) != 0 || len(s.processes.List()) != 0 {
				t.Error("something is in force")
			}
			if got := s.status(request("POST", "/books/1", strings.Repeat("x", 2000))); got != 200 {
				t.Errorf("books answers %d", got)
			}
			if s.told("configuration") == "" {
				t.Error("nobody was told")
			}
			for _, m := range next.Modules {
				for _, address := range m.Versions[0].Egress {
					if ln, err := net.Listen("tcp", address); err == nil {
						ln.Close()
					} else if address != taken.Addr().String() {
						t.Errorf("the egress %s is still open", address)
					}
				}
			}
		})
	}
}

func runs(name, program string) config.Process {
	p := config.DefaultProcess(name)
	p.Command = []string{program}
	return p
}

func egressAt(t *testing.T, c *config.Config, addresses ...string) config.Module {
	m := c.Module("mute")
	v := upstream(t, "1.0.0")
	v.Upstreams = nil
	for range addresses {
		v.Upstreams = append(v.Upstreams, says(t, "mute"))
	}
	v.Egress = addresses
	m.Versions = []config.Version{v}
	return m
}

// Alerts go where the present configuration says, and what waited for an
// address that was wrong goes to the right one.
func TestSinksFollowTheConfiguration(t *testing.T) { // G5
	s := newStage(t)
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		signed := r.Header.Get("Webhook-Signature") != ""
		text := "other"
		for _, key := range []string{"first", "second", "third"} {
			if strings.Contains(string(b), key) {
				text = key
			}
		}
		got <- fmt.Sprint(text, " ", signed)
	}))
	defer hook.Close()
	sink := config.Sink{Name: "chat", Severity: config.CriticalLeast, Webhook: config.SinkWebhook{URL: "http://127.0.0.1:1/"}}
	next := s.base
	next.Sinks = []config.Sink{sink}
	s.reload(&next)
	s.alerts.Raise(alert.Alert{Key: "first", Severity: alert.Critical, Summary: "first"})

	mended := next
	sink.Webhook = config.SinkWebhook{URL: config.Secret(hook.URL), Secret: "a secret of many characters"}
	mended.Sinks = []config.Sink{sink}
	s.reload(&mended)
	if text := <-got; text != "first true" {
		t.Errorf("got %q, want what waited, signed", text)
	}
	s.alerts.Raise(alert.Alert{Key: "second", Severity: alert.Warning, Summary: "second"}) // below what goes there
	milder := mended
	sink.Severity = config.WarningLeast
	milder.Sinks = []config.Sink{sink}
	s.until("the log has the second", func() bool { return strings.Contains(s.log.String(), "alert: second") })
	s.reload(&milder)
	s.alerts.Raise(alert.Alert{Key: "third", Severity: alert.Warning, Summary: "third"})
	if text := <-got; text != "third true" {
		t.Errorf("got %q, want the third only", text)
	}
	none := s.base
	s.reload(&none)
	if len(s.sinks.couriers) != 0 {
		t.Error("a sink is left")
	}
	for _, a := range (&config.Sink{}).Settings() {
		if a.Effect != config.AtOnce {
			t.Errorf("alert.%s: %v", a.Name, a.Effect)
		}
	}
	mail := config.Sink{Name: "mail", Mail: config.SinkMail{Server: "a:25", From: "a@b.c", To: []string{"d@e.f"}, Username: "u", Password: "p", Security: config.ImplicitTLS}}
	want := &alert.Mail{Server: "a:25", From: "a@b.c", To: []string{"d@e.f"}, Username: "u", Password: "p", ImplicitTLS: true}
	if got := sinkOf(mail); !reflect.DeepEqual(got, want) {
		t.Errorf("mail goes by %+v, want %+v", got, want)
	}
}

// Supervised processes follow the configuration, and are left alone where they
// run as it says.
func TestProcessesFollowTheConfiguration(t *testing.T) {
	s := newStage(t)
	dir, other := t.TempDir(), t.TempDir()
	p := config.DefaultProcess("p")
	p.Command, p.Dir, p.StopTimeout = []string{"sh", "-c", `echo "$NAME $PORT $MODGATE_JOIN_SECRET" > said; exec sleep 60`}, dir, time.Second
	said := func(dir string) string {
		b, _ := os.ReadFile(filepath.Join(dir, "said"))
		return strings.TrimSpace(string(b))
	}
	declare := func(p config.Process) {
		t.Helper()
		next := s.base
		next.Processes = []config.Process{p}
		s.reload(&next)
	}
	pid := func() int { return s.processes.List()[0].PID }
	declare(p)
	s.until("it runs", func() bool { return strings.HasSuffix(said(dir), joinSecret) })
	first := pid()
	p.Restart, p.Backoff.Max, p.StopTimeout, p.Module, p.Autostart = config.Always, time.Minute, 2*time.Second, "books", false
	declare(p)
	if got := pid(); got != first {
		t.Errorf("it was touched: %d, then %d", first, got)
	}
	p.Environment, p.Port = map[string]string{"NAME": "new"}, 47114
	declare(p)
	s.until("it runs with another environment", func() bool { return strings.HasPrefix(said(dir), "new 47114 ") })
	p.Dir = other
	declare(p)
	s.until("it runs elsewhere", func() bool { return said(other) != "" })
	p.Command = []string{"sh", "-c", "echo another > said; exec sleep 60"}
	declare(p)
	s.until("it is another program", func() bool { return said(other) == "another" })
	none := s.base
	s.reload(&none)
	s.until("it is gone", func() bool { return len(s.processes.List()) == 0 })

	effects := map[config.Effect][]string{}
	for _, a := range p.Settings() {
		effects[a.Effect] = append(effects[a.Effect], a.Name)
	}
	want := map[config.Effect][]string{
		config.ProcessAgain: {"command", "environment", "dir", "port"}, config.ProcessNext: {"module"},
		config.AtOnce: {"restart", "backoff.min", "backoff.max", "autostart", "stop_timeout"},
	}
	if !reflect.DeepEqual(effects, want) {
		t.Errorf("effects %v, want %v", effects, want)
	}
}
