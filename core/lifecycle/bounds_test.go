package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/lifecycle/lifecycletest"
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
