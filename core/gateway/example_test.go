package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/hcl"
	"github.com/modgate/modgate/hcl/examples/guide"
)

// root is the checkout, seen from this package.
const root = "../.."

// The guide for module authors is run as it stands, against a real gateway.
func TestModulesGuideRuns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/hcl/examples/MODULES.md")
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(&greeter{})
	defer upstream.Close()
	r := start(t)
	environment := []string{
		"MODGATE_CONTROL=http://" + r.caller.control, "MODGATE_DATA=" + r.data,
		"MODGATE_JOIN_SECRET=" + joinSecret, "UPSTREAM=" + upstream.URL,
	}
	if err := guide.Run(t.Context(), t.TempDir(), environment, guide.Examples(string(text))); err != nil {
		t.Error(err)
	}
}

// greeter serves greetings, and at /_modgate what was posted there first.
type greeter struct {
	mu   sync.Mutex
	head http.Header // nil: nothing was
	body []byte
}

func (g *greeter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case r.URL.Path != "/_modgate":
		w.Write([]byte("hello\n"))
	case r.Method == http.MethodGet && g.head == nil:
		http.NotFound(w, r)
	case r.Method == http.MethodGet:
		for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
			w.Header().Set(name, g.head.Get(name))
		}
		w.Write(g.body)
	case g.head == nil:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.head, g.body = r.Header.Clone(), body
	}
}

// What make run starts and what its invitation names, as a newcomer would use
// it: the library opens, and its catalogue is upgraded under load, twice.
func TestLibraryIsUpgradedUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+"/bin/", "./core/cmd/modgate", "./hcl/examples/library/...")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	config, addresses := movedLibrary(t, dir)
	g := exec.Command(dir+"/bin/modgate", "serve", config)
	log := &logText{}
	g.Stdout, g.Stderr = log, log
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	defer g.Process.Kill()
	r := &running{t: t}
	r.until("the library is open", func() bool {
		status := exec.Command(dir+"/bin/modgate", "status", "--control", "http://"+addresses[1], "--token-file", dir+"/gateway/admin-token")
		out, err := status.CombinedOutput()
		return err == nil && strings.Count(string(out), " ready ") == 4
	})
	for _, version := range []string{"2.0.0", "2.1.0"} {
		upgrade := exec.Command(dir+"/bin/upgrade", "-data", "http://"+addresses[0], "-control", "http://"+addresses[1], "-data-dir", dir+"/gateway")
		out, err := upgrade.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "catalogue "+version+" serves") {
			t.Fatalf("upgrade to %s: %v\n%s\n%s", version, err, out, log)
		}
		t.Logf("%s", out)
	}
	if err := g.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, log)
	}
}

var port = regexp.MustCompile(`91[3-9]\d`)

// movedLibrary writes library.hcl to dir, with folders below it and ports
// that are free, and returns its path and the two listeners' addresses.
func movedLibrary(t *testing.T, dir string) (config string, addresses [2]string) {
	t.Helper()
	config, ports := moved(t, "/hcl/examples/library/library.hcl", dir)
	return config, [2]string{"127.0.0.1:" + ports["9130"], "127.0.0.1:" + ports["9131"]}
}

// moved is movedLibrary for any example. It returns which ports were taken for
// those in the file.
func moved(t *testing.T, file, dir string) (config string, ports map[string]string) {
	t.Helper()
	text, err := os.ReadFile(root + file)
	if err != nil {
		t.Fatal(err)
	}
	ports = map[string]string{}
	changed := port.ReplaceAllStringFunc(string(text), func(p string) string {
		if ports[p] == "" {
			_, ports[p], _ = strings.Cut(freeAddress(t), ":")
		}
		return ports[p]
	})
	changed = strings.NewReplacer("../../../.build", dir+"/bin", "../../../.run", dir, `"../../.."`, `"`+dir+`"`).Replace(changed)
	config = filepath.Join(dir, filepath.Base(file))
	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, ports
}

// The operators' guide to mute modules is run as it stands, against its own
// configuration, with real processes.
func TestMuteGuideRuns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/hcl/examples/mute/README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+"/bin/", "./core/cmd/modgate", "./hcl/examples/mute/...")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file, ports := moved(t, "/hcl/examples/mute/mute.hcl", dir)
	cfg, wrong := hcl.Load(file)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	r := startWith(t, cfg)
	r.until("both modules are ready", func() bool {
		return r.state("notes") == message.Ready && r.state("secrets") == message.Ready
	})
	environment := []string{
		"PATH=" + dir + "/bin:" + os.Getenv("PATH"), "CONFIG=" + file, "DATA=http://127.0.0.1:" + ports["9150"],
		"MODGATE_CONTROL=http://127.0.0.1:" + ports["9151"], "MODGATE_TOKEN_FILE=" + r.AdminTokenFile(),
	}
	if err := guide.Run(t.Context(), t.TempDir(), environment, guide.Examples(string(text))); err != nil {
		t.Errorf("%v\n%s", err, r.log)
	}
}

func (r *running) state(name string) message.Availability {
	o, _ := r.control.Overview(name)
	return o.State.State
}
