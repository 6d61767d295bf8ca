package policies

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// Check looks for what is wrong with the policies in dir, without asking them
// anything in earnest: it compiles them, and asks each unit everything that its
// own comparisons tell apart. Files are named as they are seen from where dir
// is. The error is about a folder that cannot be read.
func Check(dir string) (*Report, error) {
	r, err := check(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	for i := range r.Findings {
		r.Findings[i].File = filepath.Join(dir, r.Findings[i].File)
	}
	for _, c := range r.Costs {
		for i := range c.Rules {
			c.Rules[i].File = filepath.Join(dir, c.Rules[i].File)
		}
	}
	return r, nil
}

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
	x.report.Units = sortedNames(s.units)
	for _, name := range x.report.Units {
		x.unit(name)
	}
	slices.SortStableFunc(x.report.Findings, compareFindings)
	return x.report, nil
}

// compareFindings orders by file and line, what is wrong before what is not as
// meant.
func compareFindings(a, b Finding) int {
	if a.File == b.File && a.Line == b.Line && a.Warning != b.Warning {
		if b.Warning {
			return -1
		}
		return 1
	}
	return compareDiagnostics(a.Diagnostic, b.Diagnostic)
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
	x.references(name)
	a := x.snap.askers[name]
	for _, e := range entrypoints {
		if _, ok := a.queries[e]; !ok {
			continue
		}
		rules := x.rules(name, e)
		f, places := x.comparisons(a, e)
		x.fields(&f, e, places)
		x.ask(a, e, &f, rules)
		for _, r := range rules {
			x.members(e, r)
		}
		if e == fallback.Request {
			x.cost(name, &f, rules, places)
		}
	}
}

func entrypointNames() (list []string) {
	for _, e := range entrypoints {
		list = append(list, string(e))
	}
	return list
}

// rules returns the unit's rules of that name, in order.
func (x *examiner) rules(unit string, e fallback.Entrypoint) []*ast.Rule {
	rules := slices.Clone(x.snap.askers[unit].compiler.GetRules(root(unit).Append(ast.StringTerm(string(e)))))
	slices.SortFunc(rules, func(a, b *ast.Rule) int { return a.Location.Compare(b.Location) })
	return rules
}

// comparisons finds comparisons that cannot come out as meant, and returns
// what the entrypoint depends on when nothing is known, and where that stands.
func (x *examiner) comparisons(a *asker, e fallback.Entrypoint) (findings, map[string]*ast.Location) {
	n := newAnalyser(x.snap, nil, time.UTC)
	n.remark = func(at *ast.Location, text string) { x.wrong(at, "%s", text) }
	n.places = map[string]*ast.Location{}
	return n.run([]*asker{a}, e), n.places
}

// fields finds fields and data that are not there to be asked about.
func (x *examiner) fields(f *findings, e fallback.Entrypoint, places map[string]*ast.Location) {
	used := slices.Clone(f.raw)
	for _, p := range f.predicates {
		used = append(used, p.field)
	}
	slices.Sort(used)
	for _, u := range slices.Compact(used) {
		if !u.given(e) {
			x.wrong(places[u.String()], "%s refers to %s, which is there for %s only", e, u, listed(fields[u].entrypoints))
		}
	}
	for _, name := range sortedNames(f.data) {
		if x.snap.data[name] == nil {
			x.wrong(places["data."+name], "%s refers to data.%s, and there is no %s%s.json%s", e, name, dataFolder, name, x.nearData(name))
		}
	}
}

// listed writes entrypoints as a list.
func listed(list []fallback.Entrypoint) string {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = string(e)
	}
	return strings.Join(names, ", ")
}

// cost notes what the unit and each of its rules cost per request, and warns
// where that is avoidable.
func (x *examiner) cost(unit string, f *findings, rules []*ast.Rule, places map[string]*ast.Location) {
	c := newCost(unit, f)
	for _, r := range rules {
		n := newAnalyser(x.snap, nil, time.UTC)
		n.rules = x.snap.askers[unit].compiler
		n.rule(r, nil, true)
		one := newCost(unit, &n.seen)
		one.File, one.Line = r.Location.File, r.Location.Row
		c.Rules = append(c.Rules, one)
	}
	x.report.Costs = append(x.report.Costs, c)
	for _, r := range f.raw {
		if r == fieldPath || r == fieldHost || r == fieldSize {
			x.warn(places[r.String()], "request takes %s as it is, of which clients can make any number: ask for a prefix, a route or a bound", r)
		}
	}
	if f.bypass != "" {
		x.warn(cmp.Or(places[placeOfBypass], rules[0].Location), "request is evaluated each time: %s", f.bypass)
	}
}

// ask asks the unit everything that its comparisons tell apart.
func (x *examiner) ask(a *asker, e fallback.Entrypoint, f *findings, rules []*ast.Rule) {
	list := samples(f)
	seq, whole := queries(example(e), list)
	entry := root(a.unit).Append(ast.StringTerm(string(e)))
	decided := map[*ast.Rule]bool{}
	seen := map[string]bool{}
	answered, silent := false, false
	for q := range seq {
		if e == fallback.Request && q.Target.State == message.Ready && !x.watched() {
			continue
		}
		t := &exits{entry: entry, all: decided}
		_, said, fault := x.snap.askOne(a, q, input(q, time.UTC), t)
		answered = answered || said || fault.Class != 0
		switch {
		case fault.Class != 0:
			x.fault(&fault, t.last, rules, witness(q, list), seen)
		case !said && !silent:
			silent = true
			x.report.Silences = append(x.report.Silences, Silence{a.unit, e, witness(q, list)})
		}
	}
	if e == fallback.Request && !slices.ContainsFunc(list, func(s sample) bool { return s.field == fieldState }) {
		x.elsewhere(a, list, rules)
	}
	switch {
	case !whole || !representative(f):
	case !answered:
		x.warn(rules[0].Location, "%s never has an answer", e)
		x.report.Silences = slices.DeleteFunc(x.report.Silences, func(s Silence) bool { return s.Unit == a.unit && s.Entrypoint == e })
	default:
		x.idle(e, rules, decided)
	}
}

// elsewhere asks a unit that does not look at the state about a module that is
// missing: what it says of that, too, may be what no policy may say.
func (x *examiner) elsewhere(a *asker, list []sample, rules []*ast.Rule) {
	base := example(fallback.Request)
	base.Target.State, base.Target.Reason = message.Missing, message.ReasonExpired
	entry := root(a.unit).Append(ast.StringTerm(string(fallback.Request)))
	seq, _ := queries(base, list)
	for q := range seq {
		if q.Target.Reason != message.ReasonExpired && q.Target.Reason != message.ReasonForced {
			continue // of an absence whose end is in sight
		}
		t := &exits{entry: entry, all: map[*ast.Rule]bool{}}
		if _, _, fault := x.snap.askOne(a, q, input(q, time.UTC), t); fault.Class == Forbidden {
			x.warn(cmp.Or(t.last, rules[0].Location), "request: %s: there it is passed over, and the administrator told; ask for input.target.state", fault.Detail)
			return
		}
	}
}

// digits are what may differ between faults that are the same to an author.
var digits = regexp.MustCompile(`-?[0-9]+`)

// fault notes the first fault of a kind, where the rule stands whose answer it
// is about.
func (x *examiner) fault(f *Fault, decided *ast.Location, rules []*ast.Rule, witness string, seen map[string]bool) {
	key := f.Class.String()
	at := rules[0].Location
	if f.Class == Invalid || f.Class == Forbidden {
		at = cmp.Or(decided, at)
		key += at.String() + digits.ReplaceAllString(f.Detail, "")
	}
	if seen[key] {
		return
	}
	seen[key] = true
	x.add(Finding{Diagnostic: Diagnostic{at.File, at.Row, fmt.Sprintf("%s: %s: %s", f.Entrypoint, f.Class, f.Detail)}, Witness: witness})
}

// idle finds rules that are never true, although others are.
func (x *examiner) idle(e fallback.Entrypoint, rules []*ast.Rule, decided map[*ast.Rule]bool) {
	for _, r := range rules {
		for ; r != nil; r = r.Else {
			if !decided[r] && !r.Default {
				x.warn(r.Location, "this rule of %s never decides: its conditions are never true together, or what it refers to is not there", e)
			}
		}
	}
}

// watched reports whether a unit may have request asked of modules that are
// ready.
func (x *examiner) watched() bool {
	for name := range x.snap.units {
		if _, ok := x.snap.askers[name].queries[fallback.Watch]; ok {
			return true
		}
	}
	return false
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
	q := fallback.Query{
		Entrypoint: e, Now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
		Target: fallback.Target{Module: other, State: message.Delayed, Reason: message.ReasonUpdating, Version: "2.0.0", Older: "1.0.0"},
		HTTP:   fallback.HTTP{Method: "GET", Path: "/", Route: "/"},
		Parked: fallback.Parked{Limit: 10000},
	}
	if e == fallback.Watch || e == fallback.Resume { // of a module that is there
		q.Target.State, q.Target.Reason = message.Ready, message.NoReason
	}
	return q
}

// witness writes the sampled fields of q.
func witness(q *fallback.Query, list []sample) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = fmt.Sprintf("%s = %v", s.field, s.field.term(q, time.UTC))
	}
	return strings.Join(parts, ", ")
}
