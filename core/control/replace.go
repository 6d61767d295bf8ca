package control

import (
	"errors"
	"fmt"
	"slices"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// makesWay reports whether h must leave to e a route that both want. It follows
// from the records alone, so that a restart changes nothing. Of a module and one
// that replaces it the newcomer has it from when it first serves, or as long as
// the other is missing and it is not (V10). Of others it is who was absent last:
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
	if fresh == nil {
		return nil, nil // they are
	}
	for _, h := range c.modules {
		if h == e || len(h.routes.claims) == 0 || free(h) {
			continue
		}
		for _, cl := range h.routes.claims {
			if _, shared := split(fresh, []message.Route{cl.Route}); shared != nil {
				return nil, taken(fmt.Sprintf("route %s of module %s collides with %s, which module %s is to have", shared[0].Path, name, cl.Path, h.name), h)
			}
		}
	}
	t := c.o.Live.Load().Table
	if _, err := t.With(e.route, allotment{live: routes}.entries()); err == nil {
		return nil, nil
	}
	var conflict *route.ConflictError
	if _, err := new(route.Table).With(e.route, allotment{live: routes}.entries()); errors.As(err, &conflict) {
		return nil, &ConflictError{err.Error()} // declared twice
	} else if err != nil {
		return nil, &InvalidError{[]message.Fault{{Pointer: "/routes", Detail: err.Error()}}}
	}
	for {
		_, err := t.With(e.route, allotment{live: routes}.entries())
		if !errors.As(err, &conflict) {
			return yield, nil
		}
		h := c.modules[conflict.With.Name]
		if !free(h) {
			return nil, taken(err.Error(), h)
		}
		if slices.Contains(h.record.Replaced, name) && h.missing() {
			yield = append(yield, h.name)
		}
		routes, _ = split(routes, h.routes.live)
	}
}

// taken says that a route is h's, and what can be done (V9, V10).
func taken(detail string, h *entry) error {
	return &ConflictError{fmt.Sprintf("%s: it keeps its routes until it is missing or dropped; who takes over from it says replaces = [%q]", detail, h.name)}
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

// heir returns whom the registration replaces: whom the configuration says, and
// of whom it says itself those as which it could have registered with the same
// secret (V10). One that replaces it, too, is a *ConflictError.
func (c *Control) heir(reg message.Registration, secret string) (replaces []string, _ error) {
	said := c.config.Module(reg.Module).Replaces
	for _, name := range slices.Concat(said, reg.Replaces) {
		if slices.Contains(replaces, name) || !slices.Contains(said, name) && !c.mayJoin(name, secret) {
			continue
		}
		if h := c.modules[name]; h != nil && c.says(h, reg.Module) {
			return nil, &ConflictError{fmt.Sprintf("module %s cannot replace %s, which replaces %[1]s", reg.Module, name)}
		}
		replaces = append(replaces, name)
	}
	return replaces, nil
}

// unheard adds to err whom the registration said it replaces in vain.
func (c *Control) unheard(err error, reg message.Registration, replaces []string) error {
	var conflict *ConflictError
	i := slices.IndexFunc(reg.Replaces, func(name string) bool { return !slices.Contains(replaces, name) })
	if i < 0 || !errors.As(err, &conflict) {
		return err
	}
	return &ConflictError{fmt.Sprintf("%s: it says that it replaces %s, whose join secret it does not have; the configuration may say so for it", conflict.Detail, reg.Replaces[i])}
}
