package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"modgate": main})
}

// TestScripts runs the command line against real gateways. Beside the
// commands of testscript, scripts have those that are listed here, and
// $UPSTREAM, which serves whatever a module is asked for, and $EXAMPLES, the
// shipped policies.
func TestScripts(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(upstream.Close)
	examples, err := filepath.Abs("../../../policies/examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			s := &script{}
			e.Values[scriptKey{}] = s
			e.Defer(s.end)
			e.Setenv("UPSTREAM", upstream.URL)
			e.Setenv("EXAMPLES", examples)
			return nil
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
		},
	})
}
