package control

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// Claim is a route that a module says it has, and another one has (V9, V10).
type Claim struct {
	message.Route
	With string `json:"with"` // who has it
}

// allotment is which of a module's routes lead to it. A request goes to one
// module only.
type allotment struct {
	live    []message.Route // as they stand in the table
	removed []lifecycle.Removed
	claims  []Claim
}

// allot gives e the routes that its record wants, in t, and takes them from
// whom they no longer belong to; then everyone who claims a route has another
// look. It returns the modules that lost some. The caller holds mu.
func (c *Control) allot(t *route.Table, e *entry) (*route.Table, []*entry) {
	next, lost := c.fit(t, e)
	var claimants []*entry
	for _, f := range c.modules {
		if f != e && len(f.routes.claims) > 0 {
			claimants = append(claimants, f)
		}
	}
	slices.SortFunc(claimants, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	for _, f := range claimants {
		var more []*entry
		next, more = c.fit(next, f)
		lost = append(lost, more...)
	}
	return next, lost
}

// fit gives e its routes in t. What it may not have are its claims.
func (c *Control) fit(t *route.Table, e *entry) (_ *route.Table, lost []*entry) {
	mine := allotment{}
	mine.live, mine.removed = c.wanted(e)
	theirs, before := map[*entry]allotment{}, t
	var stranger error // that has a route of e's, which is not missing
	for {
		next, err := t.With(e.route, mine.entries())
		var conflict *route.ConflictError
		if err == nil {
			t = next
			break
		}
		if !errors.As(err, &conflict) || conflict.With == e.route {
			c.o.Raise(e.name, lifecycle.Alert{Key: "routes/" + e.name, Critical: true, Summary: err.Error()})
			return before, nil
		}
		h := c.modules[conflict.With.Name]
		its, changed := theirs[h]
		if !changed {
			its = h.routes
		}
		if !c.makesWay(h, e) {
			var denied []message.Route
			mine.live, denied = split(mine.live, its.live)
			mine.claims = append(mine.claims, claimed(denied, h.name)...)
			if !e.missing() && !c.says(h, e.name) && !c.says(e, h.name) {
				stranger = err
			}
			continue
		}
		var given []message.Route
		its.live, given = split(its.live, mine.live)
		its.claims = append(slices.Clip(its.claims), claimed(given, e.name)...)
		theirs[h] = its
		t, _ = t.With(h.route, its.entries()) // fewer than it had
	}
	for h, its := range theirs {
		h.routes = its
		lost = append(lost, h)
	}
	if e.routes = mine; stranger != nil {
		c.o.Raise(e.name, lifecycle.Alert{Key: "routes/" + e.name, Critical: true, Summary: stranger.Error()})
	} else {
		c.o.Resolve("routes/" + e.name)
	}
	return t, lost
}

// wanted are the routes of the record, or, of a module that never registered,
// the paths that the configuration gives it (G3).
func (c *Control) wanted(e *entry) ([]message.Route, []lifecycle.Removed) {
	if len(e.record.Versions) > 0 {
		return e.record.Routes()
	}
	var live []message.Route
	for _, p := range c.config.Module(e.name).Paths {
		live = append(live, message.Route{Path: p})
	}
	return live, nil
}

// settledRoutes reports whether e's routes stand as they must: it wants what it
// wanted, and neither claims what another has nor has what another claims.
func (c *Control) settledRoutes(e *entry) bool {
	live, removed := c.wanted(e)
	if len(e.routes.claims) > 0 || !slices.EqualFunc(live, e.routes.live, sameRoute) || len(removed) != len(e.routes.removed) {
		return false
	}
	for _, f := range c.modules {
		if slices.ContainsFunc(f.routes.claims, func(cl Claim) bool { return cl.With == e.name }) {
			return false
		}
	}
	return true
}

func sameRoute(a, b message.Route) bool {
	return a.Path == b.Path && a.Interface == b.Interface && slices.Equal(a.Methods, b.Methods)
}

func (a allotment) entries() []route.Entry {
	var out []route.Entry
	add := func(r message.Route, in string) {
		out = append(out, route.Entry{Methods: r.Methods, Path: r.Path, Interface: r.Interface, RemovedIn: in})
	}
	for _, r := range a.live {
		add(r, "")
	}
	for _, r := range a.removed {
		add(r.Route, r.In.String())
	}
	return out
}

func claimed(routes []message.Route, with string) []Claim {
	out := make([]Claim, len(routes))
	for i, r := range routes {
		out[i] = Claim{r, with}
	}
	return out
}

// split parts routes into those that otago lack and those that they have.
func split(routes, otago []message.Route) (rest, shared []message.Route) {
	taken := map[message.Way]bool{}
	for _, r := range otago {
		for _, w := range r.Ways() {
			taken[w] = true
		}
	}
	for _, r := range routes {
		kept, gone := r, r
		kept.Methods, gone.Methods = nil, nil
		ways := r.Ways()
		for _, w := range ways {
			to := &kept
			if taken[w] {
				to = &gone
			}
			to.Methods = append(to.Methods, w.Method)
		}
		switch len(gone.Methods) {
		case 0:
			rest = append(rest, r)
		case len(ways):
			shared = append(shared, r)
		default:
			rest, shared = append(rest, kept), append(shared, gone)
		}
	}
	return rest, shared
}

// makesWay reports whether h must leave to e a route that both want. It follows
// from the records alone, so that a restart changes nothing. Of a module and one
// that replaces it the newcomer has it from when it first serves, or as long as
// the other is missing and it is not (V10). Of otago it is who was absent last:
// the route of the other was taken while it was missing (V9).
func (c *Control) makesWay(h, e *entry) bool {
	switch {
	case c.prevails(e, h):
		return true
	case c.prevails(h, e):
		return false
	case c.says(e, h.name):
		return h.missing() && !e.missing()
	case c.says(h, e.name):
		return !e.missing() || h.missing()
	}
	since, after := h.record.Absence.Since, e.record.Absence.Since
	if since.Equal(after) {
		return h.missing() && !e.missing()
	}
	return !since.IsZero() && (after.IsZero() || since.Before(after))
}

func (e *entry) missing() bool { return e.record.Availability() == message.Missing }

// prevails reports whether e has replaced f, or a module that replaces f.
func (c *Control) prevails(e, f *entry) bool { return c.replaced(e, f) && !c.replaced(f, e) }

func (c *Control) replaced(e, f *entry) bool {
	return slices.ContainsFunc(e.record.Replaced, func(name string) bool {
		return name == f.name || c.modules[name] != nil && c.says(c.modules[name], f.name)
	})
}

// says reports whether e says that it replaces the module of that name, or one
// that does.
func (c *Control) says(e *entry, name string) bool {
	return c.reaches(c.replaces(e), name, map[string]bool{})
}

func (c *Control) reaches(from []string, name string, seen map[string]bool) bool {
	return slices.ContainsFunc(from, func(next string) bool {
		if next == name {
			return true
		}
		f := c.modules[next]
		if f == nil || seen[next] {
			return false
		}
		seen[next] = true
		return c.reaches(c.replaces(f), name, seen)
	})
}

// replaces lists whom e says it replaces; of a module that never registered the
// configuration does.
func (c *Control) replaces(e *entry) []string {
	if len(e.record.Versions) == 0 {
		return c.config.Module(e.name).Replaces
	}
	names := e.record.Replaced
	for i := range e.record.Versions {
		names = append(slices.Clip(names), e.record.Versions[i].Replaces...)
	}
	return names
}

// room reports whether routes may become those of the module of that name,
// which then says that it replaces these: whoever has or claims one of them must
// be missing, or one that it replaces, or that replaces it (V9, V10). It returns
// who has replaced it, is missing, and therefore has to yield. The caller holds
// mu.
func (c *Control) room(name string, routes []message.Route, replaces []string) (yield []string, _ error) {
	e := c.modules[name]
	if e == nil {
		e = &entry{name: name, record: &lifecycle.Record{}, route: route.NewModule(name)}
	}
	replaces = slices.Concat(replaces, c.replaces(e))
	free := func(h *entry) bool {
		return h.missing() || c.reaches(replaces, h.name, map[string]bool{}) || c.says(h, name)
	}
	fresh, _ := split(routes, e.routes.live)
	for _, h := range c.modules {
		if h == e || len(h.routes.claims) == 0 || free(h) {
			continue
		}
		for _, cl := range h.routes.claims {
			if _, shared := split(fresh, []message.Route{cl.Route}); shared != nil {
				return nil, &ConflictError{fmt.Sprintf("route %s of module %s collides with %s, which module %s is to have", shared[0].Path, name, cl.Path, h.name)}
			}
		}
	}
	for t := c.o.Live.Load().Table; ; {
		_, err := t.With(e.route, allotment{live: routes}.entries())
		var conflict *route.ConflictError
		switch {
		case err == nil:
			return yield, nil
		case !errors.As(err, &conflict):
			return nil, &InvalidError{[]message.Fault{{Pointer: "/routes", Detail: err.Error()}}}
		case conflict.With == e.route:
			return nil, &ConflictError{err.Error()}
		}
		h := c.modules[conflict.With.Name]
		if !free(h) {
			return nil, &ConflictError{err.Error()}
		}
		if slices.Contains(h.record.Replaced, name) && h.missing() {
			yield = append(yield, h.name)
		}
		routes, _ = split(routes, h.routes.live)
	}
}

// yielded has those modules give back what came to them from the one of that
// name, which is about to have its routes again (V10).
func (c *Control) yielded(name string, by []string) error {
	for _, m := range by {
		if _, err := c.apply(m, lifecycle.Yielded{To: name}); err != nil {
			return err
		}
	}
	return nil
}
