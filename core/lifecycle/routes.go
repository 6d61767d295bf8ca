package lifecycle

import (
	"slices"
	"strings"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// maxRemoved bounds the vanished paths that are remembered.
const maxRemoved = 2000

// Routes returns the routes that lead to the module now, and those that
// vanished (V9): of the serving version; while the module is away, of the
// owner and the last server; never having served, of all its versions.
func (r *Record) Routes() (live []message.Route, removed []Removed) {
	switch {
	case r.Absence.Since.IsZero():
		if v := r.Serving(); v != nil {
			live = v.Routes
		}
	case r.Served.IsZero():
		for i := len(r.Versions) - 1; i >= 0; i-- {
			live = union(live, r.Versions[i].Routes)
		}
	default:
		if v := r.Owner(); v != nil {
			live = v.Routes
		}
		if v := r.Version(r.Served); v != nil {
			live = union(live, v.Routes)
		}
	}
	for _, rm := range r.Removed {
		for _, rest := range minus([]message.Route{rm.Route}, live) {
			removed = append(removed, Removed{rest, rm.In})
		}
	}
	return live, removed
}

// vanish remembers, at a takeover, which routes the serving version no
// longer has (V9).
func (s *step) vanish(top *Version) {
	if top.Version.Equal(s.r.Served) {
		return
	}
	var kept []Removed
	for _, rm := range s.r.Removed {
		for _, rest := range minus([]message.Route{rm.Route}, top.Routes) {
			kept = append(kept, Removed{rest, rm.In})
		}
	}
	if last := s.r.Version(s.r.Served); last != nil && last.Version.Less(top.Version) {
		for _, gone := range minus(last.Routes, top.Routes) {
			kept = append(kept, Removed{gone, top.Version})
		}
	}
	s.r.Removed = kept[max(0, len(kept)-maxRemoved):]
}

// union returns a with what b adds to it.
func union(a, b []message.Route) []message.Route { return append(slices.Clip(a), minus(b, a)...) }

// minus returns the parts of a that b does not cover: a route is covered by
// one of the same shape, for its methods.
func minus(a, b []message.Route) []message.Route {
	var rest []message.Route
	for _, r := range a {
		if left, any := uncovered(r, b); any {
			rest = append(rest, left)
		}
	}
	return rest
}

func uncovered(r message.Route, by []message.Route) (message.Route, bool) {
	methods := slices.Clone(r.Methods)
	for _, c := range by {
		if shape(c.Path) != shape(r.Path) {
			continue
		}
		if len(c.Methods) == 0 {
			return message.Route{}, false
		}
		methods = slices.DeleteFunc(methods, func(m string) bool { return slices.Contains(c.Methods, m) })
	}
	if len(r.Methods) > 0 && len(methods) == 0 {
		return message.Route{}, false
	}
	r.Methods = methods
	return r, true
}

// shape is a path pattern without the names of its parameters.
func shape(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// Provided returns the version of interface id that v provides, and whether
// it does. A version provides its own module's name, unless it declares an
// interface of that name (D6).
func (v *Version) Provided(moduleName, id string, kind module.Kind) (string, bool) {
	if kind != module.ModuleKind {
		for _, p := range v.Provides {
			if p.ID == id {
				return p.Version, true
			}
		}
	}
	if id == moduleName && kind != module.InterfaceKind {
		return v.Version.String(), true
	}
	return "", false
}
