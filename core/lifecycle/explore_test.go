package lifecycle_test

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/modgate/modgate/core/lifecycle/lifecycletest"
)

var combined = flag.Bool("combined", false, "explore the combined worlds, too (minutes)")

// Every state that a small world can get into obeys every law, and so does
// every step between them. What changes of phase there are is written down in
// testdata/changes.golden.
func TestSmallWorldsClose(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // states are kept, steps are not
	worlds := lifecycletest.Worlds()
	if *combined {
		worlds = append(worlds, lifecycletest.Combined()...)
	}
	figures := make([]lifecycletest.Figures, len(worlds))
	t.Run("world", func(t *testing.T) {
		for n, w := range worlds {
			t.Run(w.Name, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				f, err := w.Explore(1_000_000)
				t.Logf("%d states, %d steps, %d ticks, %s", f.States, f.Steps, f.Ticks, time.Since(start).Round(time.Millisecond))
				if err != nil {
					t.Error(err)
				}
				figures[n] = f
			})
		}
	})
	var all lifecycletest.Figures
	for _, f := range figures {
		all.States, all.Steps, all.Ticks = all.States+f.States, all.Steps+f.Steps, all.Ticks+f.Ticks
		all.Changes.Join(&f.Changes)
	}
	got := all.Changes.String()
	t.Logf("in all %d states, %d steps, %d ticks; who comes from where into what:\n%s", all.States, all.Steps, all.Ticks, got)
	const file = "testdata/changes.golden"
	if *rewrite && !*combined {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || got != string(want) {
		t.Errorf("the changes of phase are not those of %s (%v)", file, err)
	}
}

// Whatever happens to modules that require one another, each is owed what is
// true, once (D2, D4, N1).
func TestSmallPlatformsClose(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	for _, p := range lifecycletest.Platforms() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			f, err := p.Explore(100_000)
			t.Logf("%d states, %d steps, %s", f.States, f.Steps, time.Since(start).Round(time.Millisecond))
			if err != nil {
				t.Error(err)
			}
		})
	}
}
