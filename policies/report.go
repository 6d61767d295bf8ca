package policies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/fallback"
)

// Finding is something that an author should look at.
type Finding struct {
	Diagnostic
	Witness string `json:"witness,omitempty"` // what input it happens with; empty if with any
	Warning bool   `json:"warning,omitempty"` // it works, but hardly as meant
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

// Cost says what a request costs that a unit, or one rule of it, is asked
// about.
type Cost struct {
	Unit       string   `json:"unit"`
	File       string   `json:"file,omitempty"`       // of the rule; empty for the unit as a whole
	Line       int      `json:"line,omitempty"`       // of the rule
	Predicates []string `json:"predicates,omitempty"` // that are answered for each request
	Raw        []string `json:"raw,omitempty"`        // fields whose every value is stored apart
	Bypass     string   `json:"bypass,omitempty"`     // why each request is evaluated instead; empty if none is
	Rules      []Cost   `json:"rules,omitempty"`      // of a unit: its rules, by file and line
}

// newCost returns what findings cost per request. What the module's state
// decides costs nothing then.
func newCost(unit string, f *findings) Cost {
	c := Cost{Unit: unit, Bypass: f.bypass}
	for i := range f.predicates {
		if p := &f.predicates[i]; fields[p.field].class != known {
			c.Predicates = append(c.Predicates, p.String())
		}
	}
	for _, r := range f.raw {
		if fields[r].class != known {
			c.Raw = append(c.Raw, r.String())
		}
	}
	return c
}

// String names the class: constant, predicates and raw values, or evaluated
// each time.
func (c Cost) String() string {
	if c.Bypass != "" {
		return "evaluated each time: " + c.Bypass
	}
	var parts []string
	switch n := len(c.Predicates); {
	case n == 1:
		parts = append(parts, "1 predicate"+c.listed())
	case n > 1:
		parts = append(parts, fmt.Sprintf("%d predicates%s", n, c.listed()))
	}
	if len(c.Raw) > 0 {
		parts = append(parts, "raw "+strings.Join(c.Raw, " "))
	}
	if parts == nil {
		return "constant"
	}
	return strings.Join(parts, ", ")
}

// mostListed is how many predicates are listed behind their number.
const mostListed = 4

// listed writes the predicates of a rule, if they are few.
func (c Cost) listed() string {
	if c.File == "" || len(c.Predicates) > mostListed {
		return ""
	}
	return " (" + strings.Join(c.Predicates, "; ") + ")"
}

// Silence is a question that a unit leaves to the next one.
type Silence struct {
	Unit       string              `json:"unit"`
	Entrypoint fallback.Entrypoint `json:"entrypoint"`
	Witness    string              `json:"witness"` // an example
}

// Report is what Check found.
type Report struct {
	Units    []string  `json:"units"`              // those that compile, by name
	Findings []Finding `json:"findings"`           // by file and line
	Costs    []Cost    `json:"costs,omitempty"`    // of the units that answer requests, by name
	Silences []Silence `json:"silences,omitempty"` // by unit
}

// Wrong reports whether anything is wrong, warnings aside.
func (r *Report) Wrong() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return !f.Warning })
}

func (r *Report) String() string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f)
	}
	for _, c := range r.Costs {
		fmt.Fprintf(&b, "request of %s: %s\n", c.Unit, c)
		for _, rule := range c.Rules {
			fmt.Fprintf(&b, "\t%s:%d: %s\n", rule.File, rule.Line, rule)
		}
	}
	for _, s := range r.Silences {
		fmt.Fprintf(&b, "%s leaves %s to the next unit, for example with %s\n", s.Unit, s.Entrypoint, s.Witness)
	}
	return b.String()
}
