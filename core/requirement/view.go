// Package requirement decides who is owed what knowledge: the state of each
// requirement (D1, D3), and which notices an instance is due (D2, N1), from
// the present records and what was told before.
//
// It is pure. It never infers a module's state from its requirements' (D4),
// and it never tells anyone anything.
package requirement

import (
	"slices"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// View is the present picture of all modules. The zero value is empty. It is
// not safe for concurrent use; records in it must not change.
type View struct {
	modules   map[string]picture
	providers map[string][]string // interface id -> modules, sorted
	requirers map[string][]string // likewise
	ranges    map[rangeText]module.Range
}

// rangeText is a range as a requirement has it.
type rangeText struct {
	text   string
	scheme module.Scheme
}

// rememberedRanges is how many ranges are read once only: a platform has a few
// hundred.
const rememberedRanges = 4096

// rangeOf reads the requirement's range.
func (v *View) rangeOf(q module.Requirement) (module.Range, error) {
	text := rangeText{q.Range, q.Scheme}
	r, known := v.ranges[text]
	if known {
		return r, nil
	}
	r, err := module.ParseRange(q.Range, q.Scheme)
	if v.ranges == nil || len(v.ranges) >= rememberedRanges {
		v.ranges = map[rangeText]module.Range{}
	}
	if err == nil {
		v.ranges[text] = r
	}
	return r, err
}

// picture is one module in a View. Its lists are sorted.
type picture struct {
	record   *lifecycle.Record
	provides []string // interface ids
	requires []string // likewise
	offered  []string // what it provides, and whatever of what it ever did somebody requires
}

// Set puts r in the place of the module's former record.
func (v *View) Set(r *lifecycle.Record) {
	if v.modules == nil {
		v.modules, v.providers, v.requirers = map[string]picture{}, map[string][]string{}, map[string][]string{}
	}
	old := v.modules[r.Module]
	next := picture{r, provided(r), required(r), old.offered}
	move(v.providers, r.Module, old.provides, next.provides)
	move(v.requirers, r.Module, old.requires, next.requires)
	if !slices.Equal(old.provides, next.provides) {
		kept := slices.DeleteFunc(slices.Clone(old.offered), func(id string) bool { return v.requirers[id] == nil })
		next.offered = slices.Concat(kept, next.provides)
		slices.Sort(next.offered)
		next.offered = slices.Compact(next.offered)
	}
	v.modules[r.Module] = next
}

// move takes the module from the lists of the ids in from to those in to.
func move(lists map[string][]string, name string, from, to []string) {
	if slices.Equal(from, to) {
		return
	}
	for _, id := range from {
		lists[id] = slices.DeleteFunc(lists[id], func(m string) bool { return m == name })
		if len(lists[id]) == 0 {
			delete(lists, id)
		}
	}
	for _, id := range to {
		at, found := slices.BinarySearch(lists[id], name)
		if !found {
			lists[id] = slices.Insert(lists[id], at, name)
		}
	}
}

// Record returns the module's record, or nil.
func (v *View) Record(name string) *lifecycle.Record { return v.modules[name].record }

// provides reports whether a version of the named module provides id.
func (v *View) provides(name, id string) bool {
	_, found := slices.BinarySearch(v.modules[name].provides, id)
	return found
}

// Offers reports whether the named module provides id, or did before and
// somebody requires it.
func (v *View) Offers(name, id string) bool {
	_, found := slices.BinarySearch(v.modules[name].offered, id)
	return found
}

// Affected returns the modules that something else may be true for now that
// the named one changed, sorted: itself, and those of which a version
// requires what it provides, or did before.
func (v *View) Affected(changed string) []string {
	names := []string{changed}
	for _, id := range v.modules[changed].offered {
		names = append(names, v.requirers[id]...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// provided lists the interface ids of all of r's versions, its own name
// included; nothing of a module that was dropped (O1).
func provided(r *lifecycle.Record) []string {
	if r.Availability() == message.Unknown {
		return nil
	}
	ids := []string{r.Module}
	for i := range r.Versions {
		for _, p := range r.Versions[i].Provides {
			ids = append(ids, p.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// required lists the interface ids that r's versions require.
func required(r *lifecycle.Record) []string {
	var ids []string
	for i := range r.Versions {
		for _, q := range r.Versions[i].Requires {
			ids = append(ids, q.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Resolution is the state of one requirement, and on which module's word.
type Resolution struct {
	State  message.Fulfilment
	Reason message.Reason
	Found  string // the owner's version, of what the range is about
	Module string // "" while nobody provides it
	Turn   uint64 // of Module
	Until  time.Time
}

// Resolve returns the state of q now. Of several providers the best counts.
func (v *View) Resolve(q module.Requirement) Resolution {
	best := Resolution{State: message.UnmetMissing, Reason: message.ReasonUnknown}
	for i, name := range v.providers[q.ID] {
		r := v.resolveIn(v.modules[name].record, q)
		if i == 0 || r.State < best.State {
			best = r
		}
	}
	if best.Reason == message.ReasonUnknown && q.Optional {
		return Resolution{State: message.Met} // D3: met while its target is unknown
	}
	return best
}

// resolveIn returns the state of q as far as one module can meet it (D3).
func (v *View) resolveIn(r *lifecycle.Record, q module.Requirement) Resolution {
	rng, err := v.rangeOf(q)
	if err != nil { // refused at registration; a record of before a change of the rules
		return Resolution{State: message.UnmetMissing, Reason: message.ReasonVersion, Module: r.Module, Turn: r.Turn}
	}
	res := Resolution{Module: r.Module, Turn: r.Turn, Found: found(r, q)}
	admits := func(v *lifecycle.Version) bool {
		have, ok := v.Provided(r.Module, q.ID, q.Kind)
		return ok && rng.Admits(have)
	}
	if s := r.Serving(); s != nil && admits(s) {
		res.State = message.Met
		return res
	}
	ready := r.Availability() == message.Ready
	res.State, res.Reason = message.UnmetMissing, message.ReasonVersion
	switch {
	case !hopeful(r, admits, ready):
	case ready:
		res.State = message.UnmetDelayed
	case r.Availability() == message.Missing:
		res.Reason = r.Reason()
	default:
		res.State, res.Reason, res.Until = message.UnmetDelayed, r.Reason(), r.Absence.Until
	}
	return res
}

// hopeful reports whether a version would meet the requirement that may come
// to serve: starting, waiting, updating, absent with its module, draining
// while an UPDATE waits, or kept from serving by an administrator (O1). A
// configured module that never registered may.
func hopeful(r *lifecycle.Record, admits func(*lifecycle.Version) bool, ready bool) bool {
	for i := range r.Versions {
		v := &r.Versions[i]
		if !admits(v) {
			continue
		}
		switch v.Phase() {
		case message.Starting, message.Waiting, message.Updating:
			return true
		case message.Serving, message.Draining, message.Out:
			if !ready {
				return true
			}
		case message.Idle, message.Fenced:
		}
	}
	return len(r.Versions) == 0
}

// found returns what the owner has of what q asks for; while nobody serves,
// what the last server had.
func found(r *lifecycle.Record, q module.Requirement) string {
	v := r.Owner()
	if v == nil {
		v = r.Version(r.Served)
	}
	if v == nil && len(r.Versions) > 0 {
		v = &r.Versions[len(r.Versions)-1]
	}
	if v == nil {
		return ""
	}
	have, _ := v.Provided(r.Module, q.ID, q.Kind)
	return have
}

// Report returns the states of a version's requirements, for an answer (D1).
func (v *View) Report(requires []module.Requirement) []message.Requirement {
	out := make([]message.Requirement, len(requires))
	for i, q := range requires {
		r := v.Resolve(q)
		out[i] = message.Requirement{
			ID: q.ID, Range: q.Range, Optional: q.Optional,
			State: r.State, Reason: r.Reason, Found: r.Found, Module: r.Module,
		}
	}
	return out
}

// Unmet is a requirement that one module does not meet although it may be
// up: requests of the requirer to it are answered DELAY or MISSING (D3).
type Unmet struct {
	Module      string
	Requirement module.Requirement
	Resolution
}

// Unmet returns those of requires that a known module does not meet for
// its version's sake. Who is merely away is left to its module's own state.
func (v *View) Unmet(requires []module.Requirement) []Unmet {
	var out []Unmet
	for _, q := range requires {
		for _, name := range v.providers[q.ID] {
			if r := v.resolveIn(v.modules[name].record, q); r.Reason == message.ReasonVersion {
				out = append(out, Unmet{name, q, r})
			}
		}
	}
	return out
}
