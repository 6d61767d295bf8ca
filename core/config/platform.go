package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// checkVersions reports what is wrong with the versions that are declared in
// full, apart from other modules.
func (m *Module) checkVersions(s scope) {
	if len(m.Versions) > 0 && len(m.Paths) > 0 {
		s.warn("paths", "Paths without effect", "paths count while the module has never registered, but its versions are declared here in full; drop paths.")
	}
	owner := map[string]module.Version{} // of an upstream
	for i := range m.Versions {
		v := &m.Versions[i]
		at := s.in("version." + v.Version.String())
		if i > 0 && !m.Versions[i-1].Version.Less(v.Version) {
			at.add("", "Version given twice", "%s and %s are one version, or out of order; build metadata does not count (V5).", m.Versions[i-1].Version, v.Version)
		}
		if len(v.Upstreams) == 0 {
			at.add("upstreams", "No upstream", "The version has no process: name the origin of one, such as \"http://127.0.0.1:9101\".")
		}
		for n, u := range v.Upstreams {
			if o, taken := owner[u]; taken {
				at.in(element("upstreams", n)).add("", "Upstream given twice", "%q is an upstream of version %s already; a process is one instance of one version.", u, o)
			}
			owner[u] = v.Version
		}
		r := v.registration(m.Name)
		v.check(r, at)
		v.checkEgress(at)
		v.checkProbe(at, m.Probe)
		v.checkRoutes(r.Routes, at)
	}
}

// check reports what r, which its processes would say, would be refused for.
func (v *Version) check(r message.Registration, s scope) {
	for n, u := range v.Upstreams {
		for _, f := range (message.Registration{Upstream: u, Protocol: v.Protocol}).Check() {
			switch f.Pointer {
			case "/upstream":
				s.in(element("upstreams", n)).add("", "Not an upstream", "%q: %s.", u, f.Detail)
			case "/protocol":
				s.add("protocol "+element("upstreams", n), "Not the upstream's protocol", "%q: %s.", u, f.Detail)
			}
		}
	}
	for _, f := range r.Check() {
		if at, summary := v.place(f.Pointer); summary != "" {
			s.in(at).add("", summary, "%s.", f.Detail)
		}
	}
	for _, p := range v.Provides {
		if !module.IsVersion(p.Version) {
			s.in("provides."+p.ID).add("version", "Not a version", "%q is not the version of an interface: want numbers such as \"1.3\" or \"1.3.0\".", p.Version)
		}
	}
}

// checkProbe leaves out what is wrong with the module's already.
func (v *Version) checkProbe(s scope, module Probe) {
	if v.Probe != module && v.Probe != (Probe{}) { // of a version that nobody read
		s.differing(v.Probe.check, module.check)
	}
}

// place says where below v's block a registration's fault is; nowhere, if it
// is not v's own.
func (v *Version) place(pointer string) (at, summary string) {
	list, rest, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	index, field, _ := strings.Cut(rest, "/")
	n, err := strconv.Atoi(index)
	switch {
	case pointer == "":
		return "", "Too much for one version"
	case err != nil:
		return "", ""
	case list == "provides":
		return "provides." + v.Provides[n].ID, "Not an interface"
	case list == "requires":
		return "requires." + v.Requires[n].ID + "." + field, "Not a requirement"
	}
	return v.spot(n), "Not a route"
}

// checkRoutes reports methods that are none, and what v, whose routes these
// are, routes twice.
func (v *Version) checkRoutes(routes []message.Route, s scope) {
	seen := make(map[message.Way]int, len(routes)) // index of the route
	for n, r := range routes {
		if i := slices.IndexFunc(r.Methods, notMethod); i >= 0 {
			s.in(v.spot(n)).add("", "Not a route", "%q is not a method: want capitals, such as GET.", r.Methods[i])
			continue
		}
		for _, w := range r.Ways() {
			if o, taken := seen[w]; taken {
				s.in(v.spot(n)).add("", "Route given twice", "%q means requests that %q of this version means too.", routeText(r), routeText(routes[o]))
				break
			}
			seen[w] = n
		}
	}
}

func notMethod(s string) bool { return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" }

// in returns the scope of what is at that place in s.
func (s scope) in(at string) scope {
	if at == "" {
		return s
	}
	return scope{s.path + "." + at, s.ps}
}
