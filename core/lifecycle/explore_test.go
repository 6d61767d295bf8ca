package lifecycle_test

import (
	"testing"
	"time"

	"github.com/modgate/modgate/core/lifecycle/lifecycletest"
)

// Every state that a small world can get into obeys every law, and so does
// every step between them.
func TestSmallWorldsClose(t *testing.T) {
	for _, w := range lifecycletest.Worlds() {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			f, err := w.Explore(200_000)
			t.Logf("%d states, %d steps, %d ticks, %s", f.States, f.Steps, f.Ticks, time.Since(start).Round(time.Millisecond))
			if err != nil {
				t.Error(err)
			}
		})
	}
}
