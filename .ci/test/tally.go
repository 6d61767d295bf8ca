package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// tally counts tests. A test with subtests is not counted, they are; unless it
// failed and none of them did.
type tally struct {
	passed, failed int
	skipped        []skip
	output         string // of what failed, in full
}

// skip is a test that did not run, and why.
type skip struct{ pkg, test, reason string }

func (t *tally) add(u tally) {
	t.passed += u.passed
	t.failed += u.failed
	t.skipped = append(t.skipped, u.skipped...)
}

// print prints one package's line, after the output of what failed in it.
func (t *tally) print(j job, took time.Duration) {
	verdict := "ok  "
	if t.failed > 0 {
		verdict = "FAIL"
		fmt.Print(t.output)
	}
	mode := ""
	if j.race {
		mode = ", race"
	}
	fmt.Printf("%s %s (%d tests, %.2fs%s)\n", verdict, j.pkg, t.passed+t.failed+len(t.skipped), took.Seconds(), mode)
}

// event is one line of test2json.
type event struct{ Action, Test, Output string }

// outcome is what became of one test.
type outcome struct {
	action   string // "pass", "fail", "skip", or empty: it never ended
	output   []string
	children bool
}

// count reads the events of one test binary, which ended with err.
func count(pkg string, events []byte, err error) tally {
	tests := map[string]*outcome{}
	var order []string // of starting; a parent starts before its subtests
	for line := range bytes.Lines(events) {
		var e event
		if json.Unmarshal(line, &e) != nil {
			e = event{Action: "output", Output: string(line)}
		}
		o := tests[e.Test] // "" is the package itself
		if o == nil {
			o = &outcome{}
			tests[e.Test] = o
			order = append(order, e.Test)
			markParents(tests, e.Test)
		}
		switch e.Action {
		case "output":
			o.output = append(o.output, e.Output)
		case "pass", "fail", "skip":
			o.action = e.Action
		}
	}
	t := settle(pkg, tests, order)
	if err != nil && t.failed == 0 {
		t.failed = 1
	}
	if t.failed > 0 {
		t.output = failures(tests, order, err)
	}
	return t
}

func markParents(tests map[string]*outcome, name string) {
	for i, c := range name {
		if p := tests[name[:i]]; c == '/' && p != nil {
			p.children = true
		}
	}
}

// settle counts the tests, subtests before their parents.
func settle(pkg string, tests map[string]*outcome, order []string) tally {
	var t tally
	failed := map[string]bool{} // a test below it failed
	for _, name := range slices.Backward(order) {
		o := tests[name]
		switch {
		case name == "" || failed[name] || o.children && (o.action == "pass" || o.action == "skip"):
		case o.action == "pass":
			t.passed++
		case o.action == "skip":
			t.skipped = append(t.skipped, skip{pkg, name, reason(o.output)})
		default:
			t.failed++
			for i, c := range name {
				if c == '/' {
					failed[name[:i]] = true
				}
			}
		}
	}
	slices.Reverse(t.skipped)
	return t
}

// failures is the output of all that did not pass, and of the package.
func failures(tests map[string]*outcome, order []string, err error) string {
	var b strings.Builder
	for _, name := range order {
		if o := tests[name]; o.action != "pass" && o.action != "skip" {
			b.WriteString(strings.Join(o.output, ""))
		}
	}
	if err != nil {
		fmt.Fprintf(&b, "%v\n", err)
	}
	return b.String()
}

// reason is what a skipped test said, without go test's own lines.
func reason(output []string) string {
	var said []string
	for _, l := range output {
		l = strings.TrimSpace(l)
		if l != "" && !strings.HasPrefix(l, "=== ") && !strings.HasPrefix(l, "--- ") {
			said = append(said, l)
		}
	}
	if said == nil {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
