package requirement

import (
	"cmp"
	"slices"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Shift is a requirement that a change of the serving versions meets, or
// leaves unmet.
type Shift struct {
	Module   string             `json:"module"` // that requires
	Version  module.Version     `json:"version"`
	ID       string             `json:"id"`
	Range    string             `json:"range,omitempty"`
	Optional bool               `json:"optional,omitempty"`
	Was      message.Fulfilment `json:"was,omitzero"` // absent: the version did not serve
	Is       message.Fulfilment `json:"is"`
	Found    string             `json:"found,omitempty"` // what is there instead
}

// Plan says what follows if after served in the place of before, by module:
// which requirements of what then serves are unmet, and which are met that
// were not. It looks at versions alone: who is away in between is told
// otherwise.
func Plan(before, after map[string]*lifecycle.Version) []Shift {
	var shifts []Shift
	for name, v := range after { // order: sorted below
		for _, q := range v.Requires {
			s := Shift{Module: name, Version: v.Version, ID: q.ID, Range: q.Range, Optional: q.Optional}
			s.Is, s.Found = met(after, q)
			old := before[name]
			if old != nil && slices.ContainsFunc(old.Requires, func(p module.Requirement) bool { return p.ID == q.ID }) {
				s.Was, _ = met(before, requirementOf(old, q.ID))
			}
			if s.Is != s.Was && (s.Was != 0 || s.Is != message.Met) {
				shifts = append(shifts, s)
			}
		}
	}
	slices.SortFunc(shifts, func(a, b Shift) int { return cmp.Or(cmp.Compare(a.Module, b.Module), cmp.Compare(a.ID, b.ID)) })
	return shifts
}

func requirementOf(v *lifecycle.Version, id string) module.Requirement {
	return v.Requires[slices.IndexFunc(v.Requires, func(q module.Requirement) bool { return q.ID == id })]
}

// met reports whether one of the serving versions meets q, and what is found
// of it otherwise.
func met(serving map[string]*lifecycle.Version, q module.Requirement) (state message.Fulfilment, found string) {
	known := false
	r, err := module.ParseRange(q.Range, q.Scheme)
	for name, v := range serving { // order: one that meets it is as good as another; of those found, the last text counts
		have, ok := v.Provided(name, q.ID, q.Kind)
		if ok && err == nil && r.Admits(have) {
			return message.Met, have
		}
		if known = known || ok; ok && have > found {
			found = have
		}
	}
	if !known && q.Optional {
		return message.Met, ""
	}
	return message.UnmetMissing, found
}
