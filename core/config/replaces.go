package config

import (
	"slices"
	"strings"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// checkReplaces reports names of replaced modules that are none, are given
// twice, or lead back to the module (V10). One that nobody declares is as good
// as any other: it may be gone, or register.
func (c *Config) checkReplaces(ps *problems) {
	for i := range c.Modules {
		m := &c.Modules[i]
		s := scope{"module." + m.Name, ps}
		for n, name := range m.Replaces {
			at := s.in(element("replaces", n))
			switch circle := c.replacing(name, m.Name); {
			case module.CheckName(name) != nil:
				at.add("", "Not a module's name", "%q: %v.", name, module.CheckName(name))
			case slices.Contains(m.Replaces[:n], name):
				at.add("", "Module given twice", "%q stands before already.", name)
			case name == m.Name:
				at.add("", "Module that replaces itself", "A higher version of %s takes over by itself (V2).", name)
			case circle != nil && slices.Min(circle) == m.Name: // of a circle once
				at.add("", "Modules that replace each other", "%s replaces %s: of two modules one can have the other's routes; drop one of these.", m.Name, strings.Join(circle, ", which replaces "))
			}
		}
	}
}

// replacing returns the modules by which one replaces the other, both included,
// or nil.
func (c *Config) replacing(name, other string) []string {
	seen := map[string]bool{}
	var way func(from string) []string
	way = func(from string) []string {
		if from == other {
			return []string{from}
		}
		if seen[from] {
			return nil
		}
		seen[from] = true
		for _, next := range c.Module(from).Replaces {
			if rest := way(next); rest != nil {
				return append([]string{from}, rest...)
			}
		}
		return nil
	}
	return way(name)
}

// checkRoutes reports routes of one module that are another's too, unless one
// of the two replaces the other, and paths that are given twice.
func (c *Config) checkRoutes(ps *problems) {
	owners := map[message.Way][]*claim{}
	for i := range c.Modules {
		m := &c.Modules[i]
		s := scope{"module." + m.Name, ps}
		for n, p := range m.Paths {
			c.claim(owners, &claim{module: m.Name, route: message.Route{Path: p}}, func() scope { return s.in(element("paths", n)) })
		}
		for j := range m.Versions {
			v := &m.Versions[j]
			n := 0
			for r := range v.routes() {
				c.claim(owners, &claim{m.Name, v.Version, r}, func() scope { return s.in("version." + v.Version.String()).in(v.spot(n)) })
				n++
			}
		}
	}
}

// claim is who has the ways of a route: a version, or, with none, a module's
// paths.
type claim struct {
	module  string
	version module.Version
	route   message.Route
}

func (c *claim) who() string {
	return strings.TrimSpace(c.module + " " + c.version.String())
}

// claim gives its route's ways, which stands at at, to by, or reports who has
// one already. A module may have a route in each version, but a path once.
func (c *Config) claim(owners map[message.Way][]*claim, by *claim, at func() scope) {
	for _, w := range by.route.Ways() {
		known := false
		for _, o := range owners[w] {
			switch {
			case o.module != by.module && c.replacing(o.module, by.module) == nil && c.replacing(by.module, o.module) == nil:
				s := at()
				s.add("", "Route of two modules", "%q means requests that %q of %s means too; a request goes to one module only. If one of the two takes over from the other, its block says so: replaces = [%[5]q] in that of %[4]s, or the other way round.",
					routeText(by.route), routeText(o.route), o.who(), by.module, o.module)
				s.rests(c.undeclaredBehind(o.module, by.module)...)
				return
			case o.module == by.module && by.version.IsZero():
				at().add("", "Path given twice", "%q means the same requests as %q of the same module.", routeText(by.route), routeText(o.route))
				return
			}
			known = known || o.module == by.module
		}
		if !known {
			owners[w] = append(owners[w], by)
		}
	}
}

// undeclaredBehind returns the paths of those whom one of the modules replaces, at
// once or through others, and who are not declared: they may replace further
// ones.
func (c *Config) undeclaredBehind(names ...string) (paths []string) {
	for i := 0; i < len(names); i++ {
		if _, ok := c.find(names[i]); !ok {
			paths = append(paths, "module."+names[i])
		}
		for _, next := range c.Module(names[i]).Replaces {
			if !slices.Contains(names, next) {
				names = append(names, next)
			}
		}
	}
	return paths
}
