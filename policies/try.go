package policies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/tester"
)

// Trial is what came of one test of the policies'.
type Trial struct {
	Name    string // package and rule
	File    string
	Line    int
	Failed  bool
	Skipped bool   // its name begins with todo_
	Detail  string // why it failed, and what it printed
	Took    time.Duration
}

// Trials is what came of a folder's tests.
type Trials struct {
	List     []Trial            // by file and line
	Coverage map[string]float64 // percent of the lines of each file of policy, by path
	Covered  float64            // percent of all of them

	results []*tester.Result // the same as List, as OPA reports it
	report  cover.Report
}

// Failed reports whether any did.
func (t *Trials) Failed() bool {
	return slices.ContainsFunc(t.List, func(t Trial) bool { return t.Failed })
}

// TestOptions choose tests and what is told of them.
type TestOptions struct {
	Run    string        // regular expression that names have to match; empty: all
	Limit  time.Duration // of one test; 0: 5 s
	Values bool          // tell the values of variables where a test fails; lines are then not counted
}

// Test runs the tests in dir as opa test does: rules named test_* in files
// *_test.rego, which may print. They run with what policies may use, against
// base and lib. Files are named as they are seen from where dir is; so they are
// in the error, which may be Diagnostics.
func Test(ctx context.Context, dir string, o TestOptions) (*Trials, error) {
	t, err := try(ctx, os.DirFS(dir), o)
	var wrong Diagnostics
	if errors.As(err, &wrong) {
		return nil, wrong.Within(dir)
	}
	if err == nil {
		t.within(dir)
	}
	return t, err
}

func (t *Trials) within(dir string) {
	for i, r := range t.results {
		at := *r.Location
		at.File = filepath.Join(dir, at.File)
		r.Location, t.List[i].File = &at, at.File
		for _, e := range r.Trace {
			if e.Location != nil {
				at := *e.Location
				at.File = filepath.Join(dir, at.File)
				e.Location = &at
			}
		}
	}
	covered, files := map[string]float64{}, map[string]*cover.FileReport{}
	for file, percent := range t.Coverage {
		covered[filepath.Join(dir, file)], files[filepath.Join(dir, file)] = percent, t.report.Files[file]
	}
	t.Coverage, t.report.Files = covered, files
}

func try(ctx context.Context, tree fs.FS, o TestOptions) (*Trials, error) {
	f, err := read(tree)
	if err != nil {
		return nil, err
	}
	c, err := newCompiler()
	if err != nil {
		return nil, err
	}
	s, err := c.build(f, nil)
	switch {
	case err != nil:
		return nil, err
	case s.wrong != nil:
		return nil, s.wrong
	}
	all := maps.Clone(c.shipped)
	for _, u := range s.units {
		maps.Copy(all, u.modules)
	}
	policy := sortedNames(all)
	if err := parseTests(tree, all); err != nil {
		return nil, err
	}
	coverage := cover.New()
	r := tester.NewRunner().SetModules(all).SetStore(s.store).Filter(o.Run).SetTimeout(cmp.Or(o.Limit, 5*time.Second)).
		SetCompiler(ast.NewCompiler().WithCapabilities(capabilities(true)).WithEnablePrintStatements(true))
	if o.Values {
		r = r.EnableTracing(true)
	} else {
		r = r.SetCoverageQueryTracer(coverage).SetCoverageRuns(nil)
	}
	results, err := r.RunTests(ctx, s.txn)
	if err != nil {
		return nil, diagnose(err)
	}
	out := &Trials{Coverage: map[string]float64{}}
	for result := range results {
		out.results = append(out.results, result)
	}
	slices.SortFunc(out.results, func(a, b *tester.Result) int { return a.Location.Compare(b.Location) })
	for _, result := range out.results {
		out.List = append(out.List, trial(result))
	}
	if !o.Values {
		out.cover(coverage.Report(all), policy, c.shipped)
	}
	return out, nil
}

// cover keeps of the report what is about the folder's policies.
func (t *Trials) cover(report cover.Report, policy []string, shipped map[string]*ast.Module) {
	t.report.Files = map[string]*cover.FileReport{}
	for _, p := range policy {
		r := report.Files[p]
		if r == nil || shipped[p] != nil {
			continue
		}
		t.Coverage[p] = r.Coverage
		t.report.Files[p] = r
		t.report.CoveredLines += r.CoveredLines
		t.report.NotCoveredLines += r.NotCoveredLines
	}
	if all := t.report.CoveredLines + t.report.NotCoveredLines; all > 0 {
		t.Covered = math.Round(10000*float64(t.report.CoveredLines)/float64(all)) / 100
	}
	t.report.Coverage = t.Covered
}

// Print writes the results as opa test prints them: those that failed, or with
// verbose all.
func (t *Trials) Print(w io.Writer, verbose bool) error {
	values := slices.ContainsFunc(t.results, func(r *tester.Result) bool { return r.Trace != nil })
	return tester.PrettyReporter{Output: w, Verbose: verbose && !values, FailureLine: values, LocalVars: values}.Report(t.stream())
}

// PrintJSON writes the results as opa test --format json does.
func (t *Trials) PrintJSON(w io.Writer) error {
	return tester.JSONReporter{Output: w}.Report(t.stream())
}

// PrintCoverage writes which lines of which file the tests reached, by file.
func (t *Trials) PrintCoverage(w io.Writer) {
	for _, file := range sortedNames(t.report.Files) {
		r := t.report.Files[file]
		fmt.Fprintf(w, "%s: %.1f %%", file, r.Coverage)
		if missed := notReached(r); missed != nil {
			fmt.Fprintf(w, ", not reached: %s", strings.Trim(fmt.Sprint(missed), "[]"))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%.1f %% of the lines are reached\n", t.Covered)
}

// notReached returns the lines that no test reached.
func notReached(r *cover.FileReport) (lines []int) {
	for _, missed := range r.NotCovered {
		for row := missed.Start.Row; row <= missed.End.Row; row++ {
			lines = append(lines, row)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// CoverageJSON returns the same as opa test --coverage prints it.
func (t *Trials) CoverageJSON() any { return t.report }

func (t *Trials) stream() chan *tester.Result {
	c := make(chan *tester.Result, len(t.results))
	for _, r := range t.results {
		c <- r
	}
	close(c)
	return c
}

// parseTests adds the tests in tree to all.
func parseTests(tree fs.FS, all map[string]*ast.Module) error {
	var wrong Diagnostics
	err := fs.WalkDir(tree, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(p, "_test.rego") {
			return err
		}
		text, err := fs.ReadFile(tree, p)
		if err != nil {
			return err
		}
		m, err := ast.ParseModuleWithOpts(p, string(text), ast.ParserOptions{Capabilities: capabilities(true), RegoVersion: ast.RegoV1})
		if err != nil {
			wrong = append(wrong, diagnose(err)...)
			return nil
		}
		all[p] = m
		return nil
	})
	if err == nil && wrong != nil {
		return wrong
	}
	return err
}

func trial(r *tester.Result) Trial {
	t := Trial{
		Name: strings.TrimPrefix(r.Package, "data.") + "." + r.Name, File: r.Location.File, Line: r.Location.Row,
		Failed: !r.Pass() && !r.Skip, Skipped: r.Skip, Took: r.Duration,
	}
	switch {
	case r.Error != nil:
		t.Detail = r.Error.Error()
	case r.FailedAt != nil:
		t.Detail = fmt.Sprintf("%s is not true", r.FailedAt)
	}
	if len(r.Output) > 0 {
		t.Detail += "\n" + string(r.Output)
	}
	return t
}

// Format returns a policy's text as opa fmt writes it. path is for the
// diagnostics only.
func Format(path string, text []byte) ([]byte, error) {
	out, err := format.SourceWithOpts(path, text, format.Opts{RegoVersion: ast.RegoV1})
	if err != nil {
		return nil, diagnose(err)
	}
	return out, nil
}
