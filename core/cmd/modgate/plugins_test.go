package main

import (
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
)

func TestPluginListSaysHowLongTheQuarantineIs(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	loaded, until := now.Add(-time.Minute), now.Add(4*time.Second)
	var out strings.Builder
	err := printPlugins(&out, []adapter.View{{
		Adapter: "crash", Modules: []string{"loans"}, State: adapter.Quarantined, Until: &until, Generation: 2, Loaded: &loaded, Hooks: []string{"request"},
		Calls: 11, Faults: 5, LastFault: &adapter.Fault{
			Adapter: "crash", Module: "loans", Hook: "handle_request", Kind: adapter.Trap, Text: "unreachable", Time: now.Add(-time.Second),
		},
	}}, now)
	want := `ADAPTER  MODULES  STATE        GENERATION  LOADED    HOOKS    CALLS  FAULTS
crash    loans    quarantined  2           1m0s ago  request  11     5

crash: in quarantine, asked again in 4s
crash: last fault 1s ago, of module loans: adapter crash failed in handle_request (trap): unreachable
`
	if got := out.String(); err != nil || got != want {
		t.Errorf("got:\n%s\nwant:\n%s%v", got, want, err)
	}
}
