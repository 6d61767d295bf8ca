package main

import (
	"runtime/debug"
	"testing"
)

// What the operator says about the garbage collector holds during a start, too.
func TestStartCollectsLessUnlessToldOtherwise(t *testing.T) {
	percent := func() int {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		return now
	}
	before := percent()
	for gogc, want := range map[string]int{"": startCollect, "50": before} {
		t.Setenv("GOGC", gogc)
		settle := collectLess()
		if got := percent(); got != want {
			t.Errorf("GOGC=%q: %d percent during the start, want %d", gogc, got, want)
		}
		if settle(); percent() != before {
			t.Errorf("GOGC=%q: %d percent after it, want %d", gogc, percent(), before)
		}
	}
}
