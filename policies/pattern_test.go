package policies

import (
	"regexp"
	"testing"
)

func TestMatchingTextMatches(t *testing.T) {
	for pattern, want := range map[string]string{
		`^/items/[0-9]{4}$`:       "/items/0000",
		`^/(items|loans)/\d+/x?$`: "/items/0/",
		`(?i)get`:                 "",
		`^[^/]+$`:                 "x",
		`a.c`:                     "axc",
		`^/i|T$`:                  "/i",
		`[äö]`:                    "ä",
		`(ab){2,}`:                "abab",
		`^$`:                      "",
	} {
		got := matching(pattern)
		if !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("%s: %q does not match", pattern, got)
		}
		if want != "" && got != want {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
	if got := matching(`(`); got != "" {
		t.Errorf("got %q for no pattern", got)
	}
}
