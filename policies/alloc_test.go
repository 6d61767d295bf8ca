//go:build !race

package policies

import (
	"testing"

	"github.com/modgate/modgate/core/fallback"
)

// TestHitsAllocateNothing: constant, with predicates, with raw values.
func TestHitsAllocateNothing(t *testing.T) {
	for name, files := range hits {
		e := openFiles(t, files)
		q := hit()
		p := e.Plan(q.Target)
		ask := func() (d fallback.Decision) { return p.Request(&q) }
		ask()
		if got := testing.AllocsPerRun(100, func() { ask() }); got != 0 {
			t.Errorf("%s: got %v allocations by the plan, want 0", name, got)
		}
		if got := testing.AllocsPerRun(100, func() { e.Request(&q) }); got != 0 {
			t.Errorf("%s: got %v allocations by the engine, want 0", name, got)
		}
	}
}
