package lifecycle_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/lifecycle/lifecycletest"
	"github.com/modgate/modgate/core/message"
)

// However many processes come and go, a record stays small.
func TestOnlyAFewThatAreOutAreKept(t *testing.T) {
	story := lifecycletest.NewStory()
	for n := range 50 {
		story.Tell(fmt.Sprintf("register i%d 1.0.0", n))
		story.Tell(fmt.Sprintf("lost i%d", n))
	}
	if got := strings.Count(story.Picture(), "out lost"); got != 16 {
		t.Errorf("got %d instances that are out, want 16", got)
	}
}

// However often routes change, few that vanished are remembered, the latest
// (V9).
func TestOnlySomeVanishedRoutesAreRemembered(t *testing.T) {
	story := lifecycletest.NewStory()
	for n, version := range []string{"1.0.0", "2.0.0", "3.0.0"} {
		var routes strings.Builder
		for r := range 1500 {
			fmt.Fprintf(&routes, " /%d/%d", n, r)
		}
		story.Tell("register " + version + " " + version + routes.String())
		story.Tell("resume " + version)
	}
	routes := story.Tell("routes")
	for word, want := range map[string]int{"removed in 2.0.0": 500, "removed in 3.0.0": 1500} {
		if got := strings.Count(routes, word); got != want {
			t.Errorf("%s: got %d, want %d", word, got, want)
		}
	}
}

// However often administrators decide, few overrides are remembered, the
// latest.
func TestOnlyTheLatestOverridesAreRemembered(t *testing.T) {
	r := lifecycle.Record{Module: "m"}
	env := lifecycle.Env{Decide: func(fallback.Query) fallback.Decision { return fallback.Decision{} }}
	types := []message.OverrideType{message.ForceMissing, message.Lift}
	for n := range 41 {
		o := message.Override{Type: types[n%2], Who: "ada", Why: strconv.Itoa(n)}
		var err error
		r, _, err = lifecycle.Step(r, env, lifecycle.Configured{Since: time.Unix(1, 0)})
		if err == nil {
			r, _, err = lifecycle.Step(r, env, lifecycle.Overridden{Override: o})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := len(r.Overrides); got != 16 || r.Overrides[0].Why != "25" || r.Overrides[15].Why != "40" {
		t.Errorf("got %d overrides, %+v; want 16, from 25 to 40", got, r.Overrides)
	}
}
