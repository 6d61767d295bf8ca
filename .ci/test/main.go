// Command test runs every test of the module, part by part, and holds each
// part against its time budget on two cores. It never skips a package: one
// that belongs to no part falls into "rest".
//
// Tests run under the race detector, except those of packages without
// goroutines. Tests that a build constraint keeps out of a race build
// (allocation tests) run a second time without it. Compiling is measured
// apart and counts against no budget. Beside the time of running stands that of
// the processors: where it is much less than twice as long, either the machine
// has other work or the tests wait.
//
// The last line is "N passed, N failed"; tests whose subtests are counted are
// not counted themselves.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// excess is how many times its budget a part may take before that is a
// failure: a busy machine is forgiven, a slow test is not.
const excess = 2

// part is a named share of the module's packages.
type part struct {
	name     string
	budget   time.Duration // of running, on two cores
	patterns []string      // below the module's path; "/..." takes what is under it too
}

// parts are tried in order; the last takes what no other does.
var parts = []part{
	{"lifecycle", 60 * time.Second, []string{
		"core/config", "core/fallback", "core/lifecycle/...", "core/message", "core/module", "core/requirement",
	}},
	{"data plane", 90 * time.Second, []string{"core/adapter", "core/park", "core/proxy/...", "core/route/..."}},
	{"policies", 60 * time.Second, []string{"policies/..."}},
	{"plugins", 120 * time.Second, []string{"plugins/...", "sdk-wasm/..."}},
	{"end to end", 120 * time.Second, []string{"core/cmd/...", "core/gateway/...", "hcl/examples/..."}},
	{"conformance", 60 * time.Second, []string{"conformance/..."}},
	{"rest", 60 * time.Second, []string{"..."}},
}

// pure are the packages without goroutines: deps_test.go forbids them there,
// so the race detector would find nothing and cost five times the time.
var pure = []string{
	"core/config", "core/fallback", "core/lifecycle/...", "core/message", "core/module", "core/requirement",
}

func main() {
	only := flag.String("part", "", "run this part only: "+partNames())
	flag.Parse()
	ok, err := run(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "test:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run runs all parts, or only the one named, and reports whether all is well.
func run(only string) (bool, error) {
	if only != "" && !strings.Contains(", "+partNames()+",", ", "+only+",") {
		return false, fmt.Errorf("no part %q: want one of %s", only, partNames())
	}
	race := raceAvailable()
	shares, err := divide(race)
	if err != nil {
		return false, err
	}
	scratch, err := os.MkdirTemp("", "modgate-test-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(scratch)

	var all tally
	var lines []string
	inTime := true
	for i, p := range parts {
		if only != "" && p.name != only {
			continue
		}
		fmt.Printf("== %s\n", p.name)
		s, err := runPart(p, shares[i], scratch)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.name, err)
		}
		lines = append(lines, s.line(p))
		inTime = inTime && s.ran <= excess*p.budget
		all.add(s.tally)
	}
	report(lines, all, race)
	return inTime && all.failed == 0, nil
}

// spent is what one part took and what came of it.
type spent struct {
	compiled, ran time.Duration
	worked        time.Duration // of processors, while it ran
	tally         tally
}

func (s spent) line(p part) string {
	verdict := ""
	switch {
	case s.ran > excess*p.budget:
		verdict = fmt.Sprintf("  FAILED: more than %d times its budget", excess)
	case s.ran > p.budget:
		verdict = "  over its budget"
	}
	return fmt.Sprintf("%-12s %6d %6d %7d %8.1fs %7.1fs %6.0fs %9.1fs%s", p.name, s.tally.passed, s.tally.failed,
		len(s.tally.skipped), s.compiled.Seconds(), s.ran.Seconds(), p.budget.Seconds(), s.worked.Seconds(), verdict)
}

func report(lines []string, all tally, race bool) {
	if len(all.skipped) > 0 {
		fmt.Printf("\nskipped:\n")
		for _, s := range all.skipped {
			fmt.Printf("  %s %s: %s\n", s.pkg, s.test, s.reason)
		}
	}
	if !race {
		fmt.Printf("\nskipped: the race detector, which needs cgo and a C compiler\n")
	}
	fmt.Printf("\n%-12s %6s %6s %7s %9s %8s %7s %10s\n", "part", "passed", "failed", "skipped", "compiling", "running", "budget", "processors")
	for _, l := range lines {
		fmt.Println(l)
	}
	fmt.Printf("\n%d passed, %d failed\n", all.passed, all.failed)
}

func partNames() string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}
