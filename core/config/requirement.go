package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/module"
)

// offer is an interface of a declared version, a module's own name included.
type offer struct {
	module   string
	version  module.Version // of the module
	own      bool           // the module's name and version
	replaced bool           // by an explicit interface under that name (D6)
	have     string         // version of what a range is about
}

// serves reports whether o is what a requirement of that kind is about.
func (o offer) serves(kind module.Kind) bool {
	switch kind {
	case module.ModuleKind:
		return o.own
	case module.InterfaceKind:
		return !o.own
	case module.AnyKind:
		return !o.replaced
	default:
		panic(fmt.Sprintf("requirement of kind %d", kind)) // the reader admits no other
	}
}

// offers lists what the declared versions provide, by id.
func (c *Config) offers() map[string][]offer {
	all := map[string][]offer{}
	for i := range c.Modules {
		m := &c.Modules[i]
		for _, v := range m.Versions {
			own := offer{module: m.Name, version: v.Version, own: true, have: v.Version.String()}
			for _, p := range v.Provides {
				all[p.ID] = append(all[p.ID], offer{module: m.Name, version: v.Version, have: p.Version})
				own.replaced = own.replaced || p.ID == m.Name
			}
			all[m.Name] = append(all[m.Name], own)
		}
	}
	return all
}

// checkRequirements warns of requirements that nothing declared meets, and of
// modules that require each other. Modules may still register that meet them.
func (c *Config) checkRequirements(ps *problems) {
	offers := c.offers()
	known := slices.Sorted(maps.Keys(offers))
	needs := map[string][]need{}    // by module
	undeclared := map[string]bool{} // modules that say only when they register what they provide
	for _, m := range c.Modules {
		undeclared[m.Name] = len(m.Versions) == 0
	}
	for i := range c.Modules {
		m := &c.Modules[i]
		for _, v := range m.Versions {
			at := scope{"module." + m.Name + ".version." + v.Version.String(), ps}
			for _, q := range v.Requires {
				met := at.meet(q, offers[q.ID], q.Kind != module.InterfaceKind && undeclared[q.ID], known)
				if q.Optional {
					continue
				}
				for _, o := range met {
					if o.module != m.Name {
						needs[m.Name] = append(needs[m.Name], need{o.module, q.ID, at.in("requires." + q.ID)})
					}
				}
			}
		}
	}
	c.checkCycles(needs)
}

// meet returns the offers that meet q, and warns when there is none.
func (s scope) meet(q module.Requirement, offers []offer, registers bool, known []string) (met []offer) {
	r, err := module.ParseRange(q.Range, q.Scheme)
	if err != nil || module.CheckInterface(q.ID) != nil {
		return nil // reported
	}
	var found []string
	for _, o := range offers {
		switch {
		case !o.serves(q.Kind):
		case r.Admits(o.have):
			met = append(met, o)
		case o.own:
			found = append(found, fmt.Sprintf("%s %s", o.module, o.have))
		default:
			found = append(found, fmt.Sprintf("%s of %s %s", o.have, o.module, o.version))
		}
	}
	switch {
	case met != nil, found == nil && (q.Optional || registers):
	case found == nil:
		*s.ps = append(*s.ps, Problem{
			At: []string{s.path + ".requires." + q.ID}, Warning: true, Rests: []string{"providers", "provides." + q.ID}, Summary: "Nobody provides it", Word: q.ID, Words: known,
			Detail: fmt.Sprintf("No version that is declared here provides %q; it is missing unless a module registers that does.", q.ID),
		})
	default:
		s.in("requires."+q.ID).warn("range", "No version is in the range", "%q is wanted of %q; found: %s.", q.Range, q.ID, strings.Join(found, ", "))
		s.rests(s.path+".requires."+q.ID, "providers", "provides."+q.ID)
	}
	return met
}

// need is a requirement of a module on another.
type need struct {
	module string // that meets it
	id     string
	at     scope
}

// checkCycles warns of modules that require themselves through others: of
// each in one circle at least, as short as can be.
func (c *Config) checkCycles(needs map[string][]need) {
	withoutEnds(needs)
	var told []string // who is in a circle that was reported
	for _, m := range c.Modules {
		if needs[m.Name] == nil || slices.Contains(told, m.Name) {
			continue
		}
		circle := shortestCircle(needs, m.Name)
		if circle == nil {
			continue
		}
		var b strings.Builder
		var rests []string
		for _, n := range circle {
			rests = append(rests, n.at.path)
			fmt.Fprintf(&b, " requires %q of %s, which", n.id, n.module)
			told = append(told, n.module)
		}
		circle[0].at.warn("", "Modules that require each other",
			"%s%s. That is allowed; but when they start, and while one of them is updated, somebody's requirement is unmet.",
			m.Name, strings.TrimSuffix(b.String(), ", which"))
		circle[0].at.rests(rests...)
	}
}

// withoutEnds takes out of needs who requires nobody, nor only such: they are
// in no circle. In most platforms that is nearly everybody.
func withoutEnds(needs map[string][]need) {
	for n := -1; n != len(needs); {
		n = len(needs)
		for name, all := range needs {
			if !slices.ContainsFunc(all, func(n need) bool { return needs[n.module] != nil }) {
				delete(needs, name)
			}
		}
	}
}

// shortestCircle returns the requirements that lead from a module back to
// itself, or nil.
func shortestCircle(needs map[string][]need, start string) []need {
	type step struct {
		need
		from int // index of the step before, -1 for none
	}
	var steps []step
	seen := map[string]bool{}
	extend := func(name string, from int) {
		next := slices.Clone(needs[name])
		slices.SortStableFunc(next, func(a, b need) int { return cmp.Compare(a.module, b.module) })
		for _, n := range next {
			if !seen[n.module] {
				seen[n.module] = true
				steps = append(steps, step{n, from})
			}
		}
	}
	extend(start, -1)
	for i := 0; i < len(steps); i++ {
		if steps[i].module != start {
			extend(steps[i].module, i)
			continue
		}
		var circle []need
		for at := i; at >= 0; at = steps[at].from {
			circle = append(circle, steps[at].need)
		}
		slices.Reverse(circle)
		return circle
	}
	return nil
}
