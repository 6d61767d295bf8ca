package policies

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/modgate/modgate/core/fallback"
)

// Explanation says why a question got its answer.
type Explanation struct {
	Decision fallback.Decision `json:"-"`
	Summary  string            `json:"summary"`           // the decision in a few words
	By       string            `json:"by"`                // unit, and the rule as it calls itself
	Answer   json.RawMessage   `json:"answer,omitempty"`  // as the rule gave it; empty: none did
	Rule     string            `json:"rule,omitempty"`    // file and line of the rule that decided; empty: none did
	Passed   []string          `json:"passed,omitempty"`  // units that were asked before and did not decide, and why
	Changes  []Change          `json:"changes,omitempty"` // what would have made it another
}

// Change is one value of input that would change the answer.
type Change struct {
	Field    string            `json:"field"`
	Value    json.RawMessage   `json:"value"`
	Decision fallback.Decision `json:"-"`
	Summary  string            `json:"summary"` // of the decision that it would be
	By       string            `json:"by"`
}

func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, says %s", e.Summary, e.By)
	if e.Rule != "" {
		fmt.Fprintf(&b, " (%s)", e.Rule)
	}
	b.WriteByte('\n')
	for _, p := range e.Passed {
		fmt.Fprintf(&b, "passed over: %s\n", p)
	}
	for _, c := range e.Changes {
		fmt.Fprintf(&b, "with %s = %s: %s, says %s\n", c.Field, c.Value, c.Summary, c.By)
	}
	return b.String()
}

// summary writes a decision in a few words.
func summary(d *fallback.Decision) string {
	words := []string{d.Action.String()}
	switch {
	case d.Watch:
		words[0] = "watch requests"
	case d.Rate > 0:
		words[0] = fmt.Sprint(d.Rate, " a second")
	case d.Action == fallback.NoAction:
		words[0] = "default"
	}
	if d.Reply {
		words = append(words, "by reply")
	}
	if d.Status > 0 {
		words = append(words, fmt.Sprint(d.Status))
	}
	if d.Retry > 0 {
		words = append(words, "to come again after "+d.Retry.String())
	}
	if d.Wait > 0 {
		words = append(words, "by parking up to "+d.Wait.String())
	}
	if d.TTL > 0 {
		words = append(words, d.TTL.String())
	}
	switch f := d.Fallback; {
	case f.Module != "":
		words = append(words, "to "+f.Module)
	case f.Older:
		words = append(words, "to an older version")
	case f.Static != nil:
		words = append(words, fmt.Sprintf("by a fixed answer %d", f.Static.Status))
	}
	if d.Alert {
		words = append(words, "with an alert")
	}
	return strings.Join(words, " ")
}

// Explain answers q as Decide does, and says why. It reports no faults.
func (e *Engine) Explain(q fallback.Query) Explanation {
	s := e.current.Load()
	askers := s.asked(q.Target.Module)
	x := Explanation{Decision: beneath(&q)}
	in := input(&q, e.o.Zone)
	if q.Entrypoint == fallback.Alert {
		x.Decision, x.Summary, x.By = s.outcome(askers, &q, in)
		x.Answer = incidentsJSON(s.merge(askers, &q, in, func(Fault) {}))
		x.Changes = e.changes(s, askers, q, x.Summary)
		return x
	}
	for _, a := range askers {
		if _, ok := a.queries[q.Entrypoint]; !ok {
			continue
		}
		d, said, fault := s.askOne(a, &q, in)
		if said {
			x.Decision = d
			x.Answer, x.Rule = s.decider(a, &q, in)
			break
		}
		if fault.Class == 0 {
			x.Passed = append(x.Passed, a.unit+" says nothing")
		} else {
			x.Passed = append(x.Passed, fmt.Sprintf("%s is at fault: %s: %s", a.unit, fault.Class, fault.Detail))
		}
	}
	x.Summary, x.By = summary(&x.Decision), x.Decision.By
	x.Changes = e.changes(s, askers, q, x.Summary)
	return x
}

// outcome asks the units, reporting no faults. Of incidents the words are all
// there is.
func (s *snapshot) outcome(askers []*asker, q *fallback.Query, in *ast.Term) (d fallback.Decision, words, by string) {
	if q.Entrypoint != fallback.Alert {
		d, _ = s.ask(askers, q, in, func(Fault) {})
		return d, summary(&d), d.By
	}
	list := s.merge(askers, q, in, func(Fault) {})
	if list == nil {
		return d, "no incident", "every unit"
	}
	var all, units []string
	for _, i := range list {
		all = append(all, i.Severity+" "+i.Code)
		if !slices.Contains(units, i.By) {
			units = append(units, i.By)
		}
	}
	return d, strings.Join(all, ", "), strings.Join(units, ", ")
}

// incidentsJSON writes incidents as schemas/alert.json describes them.
func incidentsJSON(list []fallback.Incident) json.RawMessage {
	type incident struct {
		Severity string `json:"severity"`
		Summary  string `json:"summary"`
		Detail   string `json:"detail,omitempty"`
	}
	all := map[string]incident{}
	for _, i := range list {
		all[i.Code] = incident{i.Severity, i.Summary, i.Detail}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // it is of strings
	}
	return text
}

// decider returns the unit's answer as it is written, and file and line of the
// rule that gave it.
func (s *snapshot) decider(a *asker, q *fallback.Query, in *ast.Term) (json.RawMessage, string) {
	t := &exits{entry: root(a.unit).Append(ast.StringTerm(string(q.Entrypoint))), all: map[*ast.Rule]bool{}}
	v, err := s.evaluate(a, q.Entrypoint, in, t)
	if err != nil || v == nil || t.last == nil {
		return nil, ""
	}
	return json.RawMessage(v.String()), fmt.Sprintf("%s:%d", t.last.File, t.last.Row)
}

// exits is a tracer that keeps which of the entry's rules were true, and where
// the last of them stands.
type exits struct {
	entry ast.Ref
	all   map[*ast.Rule]bool
	last  *ast.Location
}

// Enabled is part of topdown.QueryTracer.
func (*exits) Enabled() bool { return true }

// Config is part of topdown.QueryTracer.
func (*exits) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent keeps the location of the entry rule's exits.
func (x *exits) TraceEvent(e topdown.Event) {
	if r, ok := e.Node.(*ast.Rule); ok && e.Op == topdown.ExitOp && r.Ref().HasPrefix(x.entry) {
		x.last, x.all[r] = r.Location, true
	}
}

// mostChanges bounds how many are told.
const mostChanges = 8

// changes asks again with each value that the rules tell apart, one field at a
// time, and tells of each answer that a field leads to once.
func (e *Engine) changes(s *snapshot, askers []*asker, q fallback.Query, now string) (list []Change) {
	f := s.analyse(askers, q.Entrypoint, nil, e.o.Zone)
	for _, sampled := range samples(&f) {
		told := map[string]bool{now: true}
		for _, v := range sampled.values {
			other := q
			sampled.field.set(&other, v)
			if !possible(&other) || !sampled.field.has(&other, v) || q.Entrypoint == fallback.Request && absent(&q) != absent(&other) {
				continue
			}
			changed, words, by := s.outcome(askers, &other, input(&other, e.o.Zone))
			if told[words] {
				continue
			}
			told[words] = true
			list = append(list, Change{
				Field: sampled.field.String(), Value: json.RawMessage(sampled.field.term(&other, e.o.Zone).String()),
				Decision: changed, Summary: words, By: by,
			})
			if len(list) == mostChanges {
				return list
			}
		}
	}
	return list
}
