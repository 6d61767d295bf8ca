package control

import (
	"maps"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/requirement"
)

// Plan says whose requirements would be met or unmet if next were in force and
// what it declares served.
func (c *Control) Plan(next *config.Config) []requirement.Shift {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := map[string]*lifecycle.Version{}
	for name, e := range c.modules {
		if v := e.record.Serving(); v != nil {
			before[name] = v
		}
	}
	after := maps.Clone(before)
	for name, v := range before {
		if declares(c.config, name, v) && !declares(next, name, v) {
			delete(after, name)
		}
	}
	for _, d := range next.Declared() {
		if v := after[d.Module]; v == nil || !d.Version.Less(v.Version) {
			after[d.Module] = &lifecycle.Version{Version: d.Version, Provides: d.Provides, Requires: d.Requires}
		}
	}
	return requirement.Plan(before, after)
}

// declares reports whether cfg declares the version in full.
func declares(cfg *config.Config, name string, v *lifecycle.Version) bool {
	m := cfg.Module(name)
	for i := range m.Versions {
		if m.Versions[i].Version.Equal(v.Version) {
			return true
		}
	}
	return false
}
