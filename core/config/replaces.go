package config

import (
	"fmt"
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
			if summary, detail := c.claim(owners, &claim{module: m.Name, route: message.Route{Path: p}}); summary != "" {
				s.in(element("paths", n)).add("", summary, "%s", detail)
			}
		}
		for j := range m.Versions {
			v := &m.Versions[j]
			n := 0
			for r := range v.routes() {
				if summary, detail := c.claim(owners, &claim{m.Name, v.Version, r}); summary != "" {
					s.in("version."+v.Version.String()).in(v.spot(n)).add("", summary, "%s", detail)
				}
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

// claim gives its route's ways to by, or says what is wrong when somebody has
// one already. A module may have a route in each version, but a path once.
func (c *Config) claim(owners map[message.Way][]*claim, by *claim) (summary, detail string) {
	for _, w := range by.route.Ways() {
		known := false
		for _, o := range owners[w] {
			switch {
			case o.module != by.module && c.replacing(o.module, by.module) == nil && c.replacing(by.module, o.module) == nil:
				return "Route of two modules", fmt.Sprintf("%q means requests that %q of %s means too; a request goes to one module only. If one of the two takes over from the other, its block says so: replaces = [%[5]q] in that of %[4]s, or the other way round.",
					routeText(by.route), routeText(o.route), o.who(), by.module, o.module)
			case o.module == by.module && by.version.IsZero():
				return "Path given twice", fmt.Sprintf("%q means the same requests as %q of the same module.", routeText(by.route), routeText(o.route))
			}
			known = known || o.module == by.module
		}
		if !known {
			owners[w] = append(owners[w], by)
		}
	}
	return "", ""
}
