package policies

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// Finding is something that an author should look at.
type Finding struct {
	Diagnostic
	Witness string // what input it happens with; empty if with any
	Warning bool   // it works, but hardly as meant
}

func (f Finding) String() string {
	s := f.Diagnostic.String()
	if f.Warning {
		s = f.prefix() + "warning: " + f.Text
	}
	if f.Witness != "" {
		s += "\n\twith " + f.Witness
	}
	return s
}

// Cost says what a request costs that one unit is asked about.
type Cost struct {
	Unit       string
	Predicates []string // that are answered for each request
	Raw        []string // fields whose every value is stored apart
	Bypass     string   // why each request is evaluated instead; empty if none is
}

func (c Cost) String() string {
	if c.Bypass != "" {
		return "evaluated each time: " + c.Bypass
	}
	var parts []string
	switch n := len(c.Predicates); n {
	case 0:
	case 1:
		parts = append(parts, "1 predicate")
	default:
		parts = append(parts, fmt.Sprintf("%d predicates", n))
	}
	if len(c.Raw) > 0 {
		parts = append(parts, "raw "+strings.Join(c.Raw, " "))
	}
	if parts == nil {
		return "constant"
	}
	return strings.Join(parts, ", ")
}

// Report is what Check found.
type Report struct {
	Findings []Finding // by file and line
	Costs    []Cost    // of the units that answer requests, by name
}

// Wrong reports whether anything is wrong, warnings aside.
func (r *Report) Wrong() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return !f.Warning })
}

// Check looks for what is wrong with the policies in dir, without asking them
// anything in earnest: it compiles them, and asks each unit everything that its
// own comparisons tell apart. The error is about a folder that cannot be read.
func Check(dir string) (*Report, error) { return check(os.DirFS(dir)) }

func check(tree fs.FS) (*Report, error) {
	f, err := read(tree)
	if err != nil {
		return nil, err
	}
	c, err := newCompiler()
	if err != nil {
		return nil, err
	}
	s, err := c.build(f, nil)
	if err != nil {
		return nil, err
	}
	x := &examiner{snap: s, report: &Report{}}
	for _, d := range s.wrong {
		x.add(Finding{Diagnostic: d})
	}
	for _, name := range sortedNames(s.units) {
		x.unit(name)
	}
	slices.SortStableFunc(x.report.Findings, func(a, b Finding) int { return compareDiagnostics(a.Diagnostic, b.Diagnostic) })
	return x.report, nil
}

// examiner examines units of one snapshot.
type examiner struct {
	snap   *snapshot
	report *Report
}

func (x *examiner) add(f Finding) {
	if !slices.Contains(x.report.Findings, f) {
		x.report.Findings = append(x.report.Findings, f)
	}
}

// warn adds a warning about the rule.
func (x *examiner) warn(at *ast.Location, format string, args ...any) {
	x.add(Finding{Diagnostic: Diagnostic{at.File, at.Row, fmt.Sprintf(format, args...)}, Warning: true})
}

func (x *examiner) wrong(at *ast.Location, format string, args ...any) {
	x.add(Finding{Diagnostic: Diagnostic{at.File, at.Row, fmt.Sprintf(format, args...)}})
}

func (x *examiner) unit(name string) {
	x.names(name)
	a := x.snap.askers[name]
	for _, e := range entrypoints {
		if _, ok := a.queries[e]; !ok {
			continue
		}
		at := x.location(name, e)
		f := x.comparisons(a, e)
		x.fields(&f, e, at)
		x.ask(a, e, &f, at)
		if e == fallback.Request {
			x.cost(name, &f, at)
		}
	}
}

// names finds rules whose name is nearly an entrypoint's.
func (x *examiner) names(unit string) {
	u := x.snap.units[unit]
	for _, file := range sortedNames(u.modules) {
		m := u.modules[file]
		if !m.Package.Path.Equal(root(unit)) {
			continue
		}
		for _, r := range m.Rules {
			name := r.Head.Ref()[0].String()
			if near := nearest(name, entrypointNames()); near != "" && near != name {
				x.warn(r.Location, "%s is nobody's question: did you mean %s?", name, near)
			}
		}
	}
}

func entrypointNames() (list []string) {
	for _, e := range entrypoints {
		list = append(list, string(e))
	}
	return list
}

// location returns where the unit's first rule of that name is.
func (x *examiner) location(unit string, e fallback.Entrypoint) *ast.Location {
	rules := x.snap.compiler.GetRules(root(unit).Append(ast.StringTerm(string(e))))
	slices.SortFunc(rules, func(a, b *ast.Rule) int { return a.Location.Compare(b.Location) })
	return rules[0].Location
}

// comparisons finds comparisons that cannot come out as meant, and returns
// what the entrypoint depends on when nothing is known.
func (x *examiner) comparisons(a *asker, e fallback.Entrypoint) findings {
	n := newAnalyser(x.snap, nil, time.UTC)
	n.remark = func(at *ast.Location, op string, f field, c ast.Value) {
		if text := remark(op, f, c); text != "" {
			x.wrong(at, "%s", text)
		}
	}
	return n.run([]*asker{a}, e)
}

// fields finds fields and data that are not there to be asked about.
func (x *examiner) fields(f *findings, e fallback.Entrypoint, at *ast.Location) {
	used := slices.Clone(f.raw)
	for _, p := range f.predicates {
		used = append(used, p.field)
	}
	slices.Sort(used)
	for _, u := range slices.Compact(used) {
		if !u.given(e) {
			x.wrong(at, "%s refers to %s, which is there for request only", e, u)
		}
	}
	for _, name := range sortedNames(f.data) {
		if x.snap.data[name] == nil {
			x.wrong(at, "%s refers to data.%s, and there is no %s%s.json", e, name, dataFolder, name)
		}
	}
}

// cost notes the unit's cost for requests, and warns where it is avoidable.
func (x *examiner) cost(unit string, f *findings, at *ast.Location) {
	c := Cost{Unit: unit, Bypass: f.bypass}
	for i := range f.predicates {
		if p := &f.predicates[i]; fields[p.field].class != known {
			c.Predicates = append(c.Predicates, p.String())
		}
	}
	for _, r := range f.raw {
		if fields[r].class == known {
			continue
		}
		c.Raw = append(c.Raw, r.String())
		if r == fieldPath || r == fieldHost || r == fieldSize {
			x.warn(at, "request takes %s as it is, of which clients can make any number: ask for a prefix, a route or a bound", r)
		}
	}
	if f.bypass != "" {
		x.warn(at, "request is evaluated each time: %s", f.bypass)
	}
	x.report.Costs = append(x.report.Costs, c)
}

// ask asks the unit everything that its comparisons tell apart.
func (x *examiner) ask(a *asker, e fallback.Entrypoint, f *findings, at *ast.Location) {
	list := samples(f)
	seq, whole := queries(example(e), list)
	answered := false
	seen := map[string]bool{}
	for q := range seq {
		_, said, fault := x.snap.askOne(a, q, input(q, time.UTC))
		answered = answered || said
		if fault.Class == 0 {
			continue
		}
		key := fault.Class.String()
		if fault.Class == Invalid {
			member, _, _ := strings.Cut(fault.Detail, " is ")
			key += member
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		x.add(Finding{Diagnostic: Diagnostic{at.File, at.Row, fmt.Sprintf("%s: %s: %s", e, fault.Class, fault.Detail)}, Witness: witness(q, list)})
		answered = true
	}
	if !answered && whole && representative(f) {
		x.warn(at, "%s never has an answer", e)
	}
}

// representative reports whether samples of f stand for all there is: not of a
// raw value, and not of a pattern.
func representative(f *findings) bool {
	return f.bypass == "" &&
		!slices.ContainsFunc(f.raw, func(f field) bool { return fields[f].kind != boolean && fields[f].words == nil }) &&
		!slices.ContainsFunc(f.predicates, func(p predicate) bool { return p.test == matches })
}

// example is a question as good as any.
func example(e fallback.Entrypoint) fallback.Query {
	return fallback.Query{
		Entrypoint: e, Now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
		Target: fallback.Target{Module: other, State: message.Delayed, Reason: message.ReasonUpdating, Version: "2.0.0"},
		HTTP:   fallback.HTTP{Method: "GET", Path: "/", Route: "/"},
		Parked: fallback.Parked{Limit: 10000},
	}
}

// witness writes the sampled fields of q.
func witness(q *fallback.Query, list []sample) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = fmt.Sprintf("%s = %v", s.field, s.field.term(q, time.UTC))
	}
	return strings.Join(parts, ", ")
}
