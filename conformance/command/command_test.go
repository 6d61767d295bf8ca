package command

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/conformance/cases"
	"github.com/modgate/modgate/conformance/faulty"
	"github.com/modgate/modgate/conformance/moduletest"
	"github.com/modgate/modgate/conformance/suite"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		os.Exit(m.Run())
	}
	dir, err := programs()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // it is among what is thrown away
	os.Exit(code)
}

// programs builds those of this repository that tests start, as `make build`
// does, into a folder in which they are found first.
func programs() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "modgate-conformance-"); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", dir+"/", "./core/cmd/modgate", "./hcl/examples/library/loans", "./hcl/examples/mute/plain", "./plugins/okapi/folio")
	cmd.Dir = "../.."
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build programs: %w\n%s", err, text), os.RemoveAll(dir))
	}
	return dir, os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// startsPrograms marks a test that does, and waits for them most of the time.
func startsPrograms(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts programs")
	}
	t.Parallel()
}

// run takes a command line, and returns what it printed.
func run(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	p := Program{Name: "test", Stdout: &out, Stderr: &err}
	code = p.Run(context.Background(), args)
	return code, out.String(), err.String()
}

// A handful of cases, one of each kind of step; the whole is make
// conformance.
const handful = `^(a-availability/(ready-passes|parked-until-resume|unknown-module)|u-update/(waits-for-the-older|under-load|fenced-token-opens-nothing)|` +
	`n-notices/snapshot-then-synced|g-gateway/updating-survives-a-kill|c-configuration/(wrong-configuration-does-not-start|reload-keeps-registrations)|i-identity/join-secret|w-wire/two-lengths)$`

func TestModgate(t *testing.T) {
	startsPrograms(t)
	t.Run("passes a handful of cases", passesAHandful)
	t.Run("is caught when it is broken", isCaughtWhenBroken)
}

func passesAHandful(t *testing.T) {
	report := filepath.Join(t.TempDir(), "report.json")
	code, stdout, _ := run("core", "-command", "modgate serve {config}", "-run", handful, "-json", report)
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var r suite.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if got := r.Total(); code != ExitPassed || got.Passed != 12 || !strings.Contains(stdout, "12 passed, 0 failed") {
		t.Errorf("exit code %d, %v, printed %q\n%s", code, got, stdout, text)
	}
}

func isCaughtWhenBroken(t *testing.T) {
	var c Core
	f := flag.NewFlagSet("test", flag.ContinueOnError)
	c.Register(f)
	if err := f.Parse([]string{"-command", "modgate serve {config}"}); err != nil {
		t.Fatal(err)
	}
	o, err := c.Options()
	if err != nil {
		t.Fatal(err)
	}
	all, err := cases.All()
	if err != nil {
		t.Fatal(err)
	}
	var some []faulty.Variant
	for _, v := range faulty.Variants() {
		if slices.Contains([]string{"no-status", "grants-at-once", "forgets-the-epoch", "stutters"}, v.Name) {
			some = append(some, v)
		}
	}
	caught, err := faulty.Run(context.Background(), all, some, o)
	if err != nil || len(caught) != 4 {
		t.Fatalf("%d variants, %v", len(caught), err)
	}
	for _, v := range caught {
		if !v.Well() {
			t.Errorf("%s: before an honest front %v %s, broken %v", v.Name, v.Honest.Outcome, v.Honest.Reason, v.Broken.Outcome)
		}
	}
}

func TestSampleModuleKeepsTheProtocol(t *testing.T) {
	startsPrograms(t)
	verdicts, err := moduletest.Run(context.Background(), moduletest.Options{
		Command: []string{"loans", "-data", t.TempDir()}, Method: "POST", Path: "/loans", Body: `{"member":"1","book":"1"}`, Log: io.Discard,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verdicts {
		if v.Err != nil || v.Skipped != "" {
			t.Errorf("%s %s: %v %s", v.Rule, v.Promise, v.Err, v.Skipped)
		}
	}
}

func TestModuleThatBreaksPromisesIsTold(t *testing.T) {
	startsPrograms(t)
	verdicts, err := moduletest.Run(context.Background(), moduletest.Options{Command: []string{"sleep", "60"}, Limit: 1e8}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v := verdicts[0]; v.Err == nil || !strings.Contains(v.Err.Error(), "has not registered within") {
		t.Errorf("a program that does nothing: %+v", v)
	}
}

func TestVariantsNameTheirCases(t *testing.T) {
	all, err := cases.All()
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string][]string{}
	for _, c := range all {
		rules[c.Name] = c.Rules
	}
	names := map[string]bool{}
	for _, v := range faulty.Variants() {
		if !slices.Contains(rules[v.Case], v.Rule) {
			t.Errorf("%s: the case %s does not name %s, but %v", v.Name, v.Case, v.Rule, rules[v.Case])
		}
		if names[v.Name] {
			t.Errorf("%s stands twice", v.Name)
		}
		names[v.Name] = true
	}
	if len(names) < 30 {
		t.Errorf("%d broken cores", len(names))
	}
}

func TestFeaturesAreReadFromAList(t *testing.T) {
	every, err := claimed("all")
	if err != nil || len(every) != len(suite.Features) {
		t.Errorf("all: %v %v", every, err)
	}
	if got, err := claimed("all,-parking, -runs"); err != nil || len(got) != len(every)-2 || slices.Contains(got, "runs") {
		t.Errorf("all but two: %v %v", got, err)
	}
	if got, err := claimed("none"); err != nil || got != nil {
		t.Errorf("none: %v %v", got, err)
	}
	if got, err := claimed("runs,parking"); err != nil || !slices.Equal(got, []string{"parking", "runs"}) {
		t.Errorf("two: %v %v", got, err)
	}
	if _, err := claimed("flying"); err == nil {
		t.Error("a feature that does not exist was claimed")
	}
}

func TestWrongUseIsExitCode2(t *testing.T) {
	for _, args := range [][]string{{}, {"dance"}, {"core"}, {"core", "-command", "x", "-scale", "0.5"}, {"core", "-command", "x", "-run", "("}, {"module"}, {"list", "-run", "("}} {
		if got, stdout, stderr := run(args...); got != ExitUsage || stdout != "" || !strings.Contains(stderr, "test") {
			t.Errorf("%q: %d, printed %q and %q", args, got, stdout, stderr)
		}
	}
	if got, stdout, _ := run("list", "-run", "older-.*-meanwhile"); got != ExitPassed || !strings.Contains(stdout, "2 cases") {
		t.Errorf("list: %d, %q", got, stdout)
	}
	if got, stdout, _ := run("help"); got != ExitPassed || !strings.Contains(stdout, "test core") {
		t.Errorf("help: %d, %q", got, stdout)
	}
}
