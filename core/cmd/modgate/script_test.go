package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/modgate/modgate/sdk-wasm/project"
)

func TestMain(m *testing.M) {
	// With the race detector the command would wait for a second before it ends,
	// and scripts run it some hundred times.
	if os.Getenv("GORACE") == "" {
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // the name is a valid one
	}
	testscript.Main(m, map[string]func(){"modgate": main})
}

// buildPlain builds the command as users have it into dir. With the race
// detector, adapters in Go take a minute to compile.
func buildPlain(dir string) error {
	if out, err := exec.Command("go", "build", "-o", dir, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("build modgate: %w\n%s", err, out)
	}
	return nil
}

// TestScripts runs the command line against real gateways. Beside the
// commands of testscript, scripts have those that are listed here, and
// $UPSTREAM, which serves whatever a module is asked for, $EXAMPLES, the
// shipped policies, and $ADAPTERS, those of the conformance suite. Toolchains
// find what they need of the user's home, and $MODGATE is the
// command where PATH is empty; the condition toolchain:LANGUAGE says that
// adapters in it can be built.
func TestScripts(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(upstream.Close)
	examples, err := filepath.Abs("../../../policies/examples")
	if err != nil {
		t.Fatal(err)
	}
	adapters, err := filepath.Abs("../../../conformance/adapters")
	if err != nil {
		t.Fatal(err)
	}
	home, err := toolchains()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	plain := sync.OnceValue(func() error { return buildPlain(dir) })
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			s := &script{}
			e.Values[scriptKey{}] = s
			e.Defer(s.end)
			e.Setenv("UPSTREAM", upstream.URL)
			e.Setenv("EXAMPLES", examples)
			e.Setenv("ADAPTERS", adapters)
			e.Setenv("GORACE", os.Getenv("GORACE"))
			for name, value := range home {
				e.Setenv(name, value)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			language, ok := strings.CutPrefix(name, "toolchain:")
			if !ok {
				return false, fmt.Errorf("unknown condition %s", name)
			}
			_, err := project.Toolchain(t.Context(), language, ".")
			return err == nil, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"gateway":  gatewayCmd,
			"http":     httpCmd,
			"register": registerCmd,
			"park":     parkCmd,
			"exits":    exitsCmd,
			"waitfor":  waitforCmd,
			"hides":    hidesCmd,
			"mode":     modeCmd,
			"plain": func(ts *testscript.TestScript, _ bool, _ []string) { // from here on the script runs the plain command
				ts.Check(plain())
				ts.Setenv("PATH", dir+string(os.PathListSeparator)+ts.Getenv("PATH"))
			},
		},
	})
}

// toolchains returns where the user's have their things.
func toolchains() (map[string]string, error) {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return nil, err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	self, err := exec.LookPath("modgate")
	if err != nil {
		return nil, err
	}
	env := map[string]string{"MODGATE": self, "GOCACHE": strings.TrimSpace(string(out)), "GOPROXY": "off", "GOFLAGS": ""}
	for name, folder := range map[string]string{"RUSTUP_HOME": ".rustup", "CARGO_HOME": ".cargo"} {
		if env[name] = os.Getenv(name); env[name] == "" {
			env[name] = filepath.Join(home, folder)
		}
	}
	return env, nil
}
