package okapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Omission is something that a descriptor says and the language cannot.
type Omission struct {
	Module string // FOLIO's module id
	Text   string
}

func (o Omission) String() string { return o.Module + ": " + o.Text }

// omissions lists what of d is not expressed, apart from its routes and
// requirements.
func (d *Descriptor) omissions(o Options) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, p := range d.Provides {
		switch {
		case p.routed():
		case p.ID == tenantInterface && o.Adapter && slices.Contains(tenantVersions, p.version()):
		case p.Type == "multiple":
			add("interface %s %s (multiple): %s found by the header X-Okapi-Module-Id only", p.ID, p.Version, count(len(p.Handlers), "handler"))
		default:
			add("interface %s %s (%s): %s called by Okapi itself", p.ID, p.Version, orSystem(p.Type), count(len(p.Handlers), "handler"))
		}
		for _, h := range p.Handlers {
			if when := h.timer(); when != "" {
				add("timer %s %s, %s", strings.Join(h.Methods, " "), h.pattern(), when)
			}
		}
		if p.Scope != nil {
			add("scope of interface %s: %s", p.ID, strings.Join(p.Scope, ", "))
		}
	}
	for _, f := range d.Filters {
		add("filter %s %s in phase %s, of type %s", strings.Join(f.Methods, " "), f.pattern(), f.Phase, f.Type)
	}
	out = append(out, d.handlerOmissions()...)
	if n := len(d.Permissions); n > 0 {
		add("%s", count(n, "permission set"))
	}
	if l := d.Launch; l.Image+l.Exec+l.Start != "" {
		add("launch descriptor: %s, %s of environment", first(l.Image, l.Exec, l.Start), count(len(l.Env), "variable"))
	}
	for _, p := range []struct {
		name string
		has  bool
	}{
		{"env", d.Env != nil}, {"metadata", d.Metadata != nil}, {"uiDescriptor", d.UI != nil},
	} {
		if p.has {
			add("property %s", p.name)
		}
	}
	if d.Tags != nil {
		add("tags %s", strings.Join(d.Tags, ", "))
	}
	for _, p := range d.unknown {
		add("unknown property %s", p)
	}
	return out
}

// handlerOmissions counts what handlers say beyond methods and path.
func (d *Descriptor) handlerOmissions() []string {
	n := map[string]int{}
	for _, p := range d.Provides {
		for _, h := range p.Handlers {
			for what, has := range map[string]bool{
				"permissionsRequired": len(h.Required) > 0, "permissionsDesired": len(h.Desired) > 0,
				"modulePermissions": len(h.OwnPermissions) > 0, "permissionsRequiredTenant": len(h.RequiredTenant) > 0,
				"delegateCORS": h.CORS != nil, "rewritePath": h.Rewrite != "", "redirectPath": h.Redirect != "",
				"type": h.Type != "" && h.Type != "request-response", "phase": h.Phase != "",
			} {
				if has {
					n[what]++
				}
			}
		}
	}
	var out []string
	for _, what := range slices.Sorted(maps.Keys(n)) {
		out = append(out, what+" of "+count(n[what], "handler"))
	}
	return out
}

// timer says when a handler is called, if it is a timer.
func (h handler) timer() string {
	switch {
	case h.Schedule.Cron != "":
		return fmt.Sprintf("at %q %s", h.Schedule.Cron, h.Schedule.Zone)
	case h.Unit != "":
		return fmt.Sprintf("every %s %s", h.Delay, h.Unit)
	default:
		return ""
	}
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func orSystem(kind string) string {
	if kind == "" {
		return "system" // by its underscore
	}
	return kind
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
