package control

import (
	"errors"
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

// split parts routes into those that others lack and those that they have.
func split(routes, others []message.Route) (rest, shared []message.Route) {
	taken := map[message.Way]bool{}
	for _, r := range others {
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
