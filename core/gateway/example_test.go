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

	"github.com/modgate/modgate/hcl/examples/guide"
)

// root is the checkout, seen from this package.
const root = "../.."

// The guide for module authors is run as it stands, against a real gateway.
func TestModulesGuideRuns(t *testing.T) {
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

var port = regexp.MustCompile(`91[34]\d`)

// movedLibrary writes library.hcl to dir, with folders below it and ports
// that are free, and returns its path and the two listeners' addresses.
func movedLibrary(t *testing.T, dir string) (config string, addresses [2]string) {
	t.Helper()
	text, err := os.ReadFile(root + "/hcl/examples/library/library.hcl")
	if err != nil {
		t.Fatal(err)
	}
	ports := map[string]string{}
	moved := port.ReplaceAllStringFunc(string(text), func(p string) string {
		if ports[p] == "" {
			_, ports[p], _ = strings.Cut(freeAddress(t), ":")
		}
		return ports[p]
	})
	moved = strings.NewReplacer("../../../.build", dir+"/bin", "../../../.run/gateway", dir+"/gateway", `"../../.."`, `"`+dir+`"`).Replace(moved)
	config = filepath.Join(dir, "library.hcl")
	if err := os.WriteFile(config, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, [2]string{"127.0.0.1:" + ports["9130"], "127.0.0.1:" + ports["9131"]}
}
