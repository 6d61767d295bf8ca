package lifecycle_test

import (
	"os"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/lifecycle/lifecycletest"
)

// setups bring the instance s, of version 2.0.0, into each phase, in company
// in which what follows can be seen.
var setups = map[string]string{
	"starting": "register a 1.0.0; resume a; register s 2.0.0",
	"serving":  "register s 2.0.0; register t 2.0.0; resume s; resume t",
	"draining": "register s 2.0.0; register t 2.0.0; resume s; resume t; register c 3.0.0; update c",
	"waiting":  "register s 2.0.0; register t 2.0.0; resume s; resume t; update s",
	"updating": "register s 2.0.0; update s",
	"idle":     "register c 3.0.0; resume c; register s 2.0.0",
	"fenced":   "register c 3.0.0; update c; register s 2.0.0",
	"out":      "register s 2.0.0; resume s; unreachable s; register a 1.0.0; resume a",
}

// others are company in which a cell of the table shows better.
var others = map[string]string{
	"starting/healthy":   "register s 2.0.0; resume s; unhealthy s; resume s",      // who resumed while its probes failed
	"waiting/RESUME":     "register a 1.0.0; resume a; register s 2.0.0; update s", // who waits without runs of its own
	"waiting/DISCONNECT": "register a 1.0.0; resume a; register s 2.0.0; update s",
	"idle/DISCONNECT":    "register c 3.0.0; resume c; register s 2.0.0; lost c", // below a serving version it is forgotten
	"idle/lost":          "register c 3.0.0; resume c; register s 2.0.0; lost c",
}

// The table in the package comment is true.
func TestTransitions(t *testing.T) {
	events, phases, cells := table(t)
	for _, event := range events {
		for n, phase := range phases {
			t.Run(phase+"/"+event, func(t *testing.T) {
				setup, ok := others[phase+"/"+event]
				if !ok {
					setup = setups[phase]
				}
				story := lifecycletest.NewStory()
				for command := range strings.SplitSeq(setup, "; ") {
					story.Tell(command)
				}
				if got := where(story); got != phase {
					t.Fatalf("the setup leaves it %s", got)
				}
				got := what(story, event)
				for _, err := range story.Broken {
					t.Error(err)
				}
				if want := strings.TrimRight(cells[event][n], "¹²³⁴⁵⁶⁷⁸⁹"); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		}
	}
}

// table reads the table from the package comment.
func table(t *testing.T) (events, phases []string, cells map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	cells = map[string][]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(line, "//"))
		switch {
		case len(fields) != 9:
		case fields[0] == "event":
			phases = fields[1:]
		case len(phases) > 0:
			events, cells[fields[0]] = append(events, fields[0]), fields[1:]
		}
	}
	if len(events) != 9 || len(phases) != 8 {
		t.Fatalf("events %v, phases %v", events, phases)
	}
	return events, phases, cells
}

// what lets the event happen to s and says in the table's words what follows.
func what(story *lifecycletest.Story, event string) string {
	command := strings.ToLower(event) + " s"
	if event == "registered" {
		command = "register s 2.0.0"
	}
	switch said := story.Tell(command); said {
	case "-":
		return "-"
	case "refused: " + lifecycle.ErrFenced.Error():
		return "fenced"
	case "refused: " + lifecycle.ErrRefused.Error():
		return "refused"
	}
	return where(story)
}

// where says where s stands, from the picture.
func where(story *lifecycletest.Story) string {
	for line := range strings.Lines(story.Picture()) {
		if fields := strings.Fields(line); fields[0] == "s" {
			return fields[2]
		}
	}
	return "removed"
}
