package policies

import (
	"context"
	"fmt"
	"io/fs"
	"os"
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
	Name   string // package and rule
	File   string
	Line   int
	Failed bool
	Detail string // why it failed, and what it printed
	Took   time.Duration
}

// Trials is what came of a folder's tests.
type Trials struct {
	List     []Trial            // by file and line
	Coverage map[string]float64 // percent of the lines of each file of policy, by path
}

// Failed reports whether any did.
func (t *Trials) Failed() bool {
	return slices.ContainsFunc(t.List, func(t Trial) bool { return t.Failed })
}

// Test runs the tests in dir, of which run matches the name, as opa test does:
// rules named test_* in files *_test.rego, which may print. They run with what
// policies may use, against base and lib.
func Test(ctx context.Context, dir, run string) (*Trials, error) {
	return try(ctx, os.DirFS(dir), run)
}

func try(ctx context.Context, tree fs.FS, run string) (*Trials, error) {
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
	all := map[string]*ast.Module{}
	for name := range c.shipped {
		all[name] = c.shipped[name]
	}
	for _, u := range s.units {
		for name, m := range u.modules {
			all[name] = m
		}
	}
	policy := sortedNames(all)
	if err := parseTests(tree, all); err != nil {
		return nil, err
	}
	coverage := cover.New()
	r := tester.NewRunner().SetModules(all).SetStore(s.store).Filter(run).SetCoverageQueryTracer(coverage).SetCoverageRuns(nil).
		SetCompiler(ast.NewCompiler().WithStrict(true).WithCapabilities(capabilities(true)).WithEnablePrintStatements(true))
	results, err := r.RunTests(ctx, s.txn)
	if err != nil {
		return nil, diagnose(err)
	}
	out := &Trials{Coverage: map[string]float64{}}
	for result := range results {
		out.List = append(out.List, trial(result))
	}
	slices.SortFunc(out.List, func(a, b Trial) int {
		return compareDiagnostics(Diagnostic{a.File, a.Line, a.Name}, Diagnostic{b.File, b.Line, b.Name})
	})
	report := coverage.Report(all)
	for _, p := range policy {
		if r := report.Files[p]; r != nil && c.shipped[p] == nil {
			out.Coverage[p] = r.Coverage
		}
	}
	return out, nil
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
		Failed: !r.Pass() && !r.Skip, Took: r.Duration,
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
