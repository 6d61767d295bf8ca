package requirement

import (
	"fmt"
	"testing"

	"github.com/modgate/modgate/core/module"
)

// A text is another range under another scheme, however often it was read (D6).
func TestRangeIsReadByItsScheme(t *testing.T) {
	var v View
	for range 2 {
		for scheme, want := range map[module.Scheme]bool{module.Semver: false, module.FOLIO: true} {
			r, err := v.rangeOf(module.Requirement{Range: "1.0 2.0", Scheme: scheme})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Admits("2.1"); got != want {
				t.Errorf("scheme %q admits 2.1: %t, want %t", scheme, got, want)
			}
		}
	}
}

func TestRememberedRangesAreBounded(t *testing.T) {
	var v View
	for i := range 3 * rememberedRanges {
		if _, err := v.rangeOf(module.Requirement{Range: fmt.Sprintf("%d.0", i)}); err != nil {
			t.Fatal(err)
		}
		if _, err := v.rangeOf(module.Requirement{Range: "no range"}); err == nil {
			t.Fatal("a text that is no range is one the second time")
		}
		if len(v.ranges) > rememberedRanges {
			t.Fatalf("%d ranges are remembered", len(v.ranges))
		}
	}
}
