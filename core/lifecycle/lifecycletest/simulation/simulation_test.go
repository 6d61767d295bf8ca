package simulation

import (
	"flag"
	"slices"
	"strings"
	"testing"
)

var (
	seeds = flag.Uint64("seeds", 60, "how many platforms live, from -seed on")
	seed  = flag.Uint64("seed", 1, "the first; with -seeds 1 what happens is printed")
)

// One seed, one life: what fails is seen again.
func TestSeedReproduces(t *testing.T) {
	a, b := Run(7, true), Run(7, true)
	if len(a.Log) < 100 || !slices.Equal(a.Log, b.Log) {
		t.Errorf("the same seed led to two lives, of %d and %d lines", len(a.Log), len(b.Log))
	}
}

// However bad the weather, a platform keeps its promises. What fails is seen
// again with -seed N -seeds 1.
func TestPlatformsKeepTheirPromises(t *testing.T) {
	var all Report
	for n := *seed; n < *seed+*seeds; n++ {
		r := Run(n, *seeds == 1)
		if len(r.Log) > 0 {
			t.Log("\n" + strings.Join(r.Log, "\n"))
		}
		for _, err := range r.Broken {
			t.Errorf("seed %d: %v", n, err)
		}
		all.Events, all.Requests, all.Grants, all.Crashes, all.Lost = all.Events+r.Events, all.Requests+r.Requests, all.Grants+r.Grants, all.Crashes+r.Crashes, all.Lost+r.Lost
		all.SetBack, all.Overruled = all.SetBack+r.SetBack, all.Overruled+r.Overruled
	}
	t.Logf("%d platforms: %d events, %d requests, %d grants, %d crashes, %d clocks set back, %d processes lost, %d overrides",
		*seeds, all.Events, all.Requests, all.Grants, all.Crashes, all.SetBack, all.Lost, all.Overruled)
}
