package gateway

import (
	"bytes"
	"encoding/json"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// tckDir is the module that plays http-wasm's compatibility kit.
const tckDir = "../../.ci/tck"

// TestCompatibilityKit puts the kit's guest before a module, and lets the kit
// play its cases through the gateway: adapters for http-wasm run as they are.
func TestCompatibilityKit(t *testing.T) {
	list := inTCK("go", "list", "-f", "{{.Dir}}", "github.com/http-wasm/http-wasm-host-go/tck")
	list.Env = append(list.Env, "GOPROXY=off") // it is for .ci/need to fetch it
	dir, err := list.Output()
	if err != nil {
		t.Skip("http-wasm's compatibility kit is not there: make tck fetches it")
	}
	guest, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "tck.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend.Close() // the kit's listens there
	address := backend.Addr().String()
	cfg := declare(t.TempDir(), config.Version{
		Version: module.MustVersion("1.0.0"), Upstreams: []string{"http://" + address}, Routes: []message.Route{{Path: "/*"}},
	})
	cfg.Gateway.Plugins = t.TempDir()
	drop(t, cfg.Gateway.Plugins, "books", guest)
	r := startWith(t, cfg)

	kit := inTCK("go", "test", "-count=1", "-json")
	kit.Env = append(kit.Env, "MODGATE_TCK="+r.data, "MODGATE_TCK_BACKEND="+address)
	said, err := kit.Output()
	cases := 0
	for name, c := range results(said) {
		t.Run(strings.TrimPrefix(name, "TestTCK/"), func(t *testing.T) {
			if cases++; c.action != "pass" {
				t.Errorf("%s: %s", c.action, c.output.String())
			}
		})
	}
	if cases != 2*35 || err != nil {
		t.Errorf("%d cases played, want 35 over each protocol: %v\n%s", cases, err, said)
	}
}

func inTCK(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir, c.Env = tckDir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	return c
}

// played is what became of a test.
type played struct {
	action string
	output bytes.Buffer
}

// results reads what go test -json says of the kit's cases, which are below a
// protocol.
func results(said []byte) map[string]*played {
	all := map[string]*played{}
	for line := range bytes.Lines(said) {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(line, &e) != nil || e.Test == "" {
			continue
		}
		if all[e.Test] == nil {
			all[e.Test] = &played{}
		}
		switch e.Action {
		case "output":
			all[e.Test].output.WriteString(e.Output)
		case "pass", "fail", "skip":
			all[e.Test].action = e.Action
		}
	}
	maps.DeleteFunc(all, func(name string, _ *played) bool { return strings.Count(name, "/") < 2 })
	return all
}
