package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/module"
)

// A Change is one thing in which two configurations differ.
type Change struct {
	At     string `json:"at"`            // the setting or block, in the language's words: "module.inventory.grace"
	Was    string `json:"was,omitempty"` // as the language writes it; empty: it was not there
	Is     string `json:"is,omitempty"`  // empty: it is no longer there
	Effect string `json:"effect"`        // what a reload leads to
}

// AtStart reports whether a reload leaves c to the gateway's next start.
func (c Change) AtStart() bool { return c.Effect == AtStart.String() }

// Reloaded returns what is in force after a reload of c in a gateway that runs
// with running: what waits for the next start stays as it is.
func (c *Config) Reloaded(running *Config) *Config {
	next := *c
	was := running.Gateway.Settings()
	for i, s := range next.Gateway.Settings() {
		if s.Effect == AtStart {
			s.take(was[i])
		}
	}
	return &next
}

// Diff lists what next changes, in the order of the language's blocks. What a
// module has of the defaults is not listed again.
func Diff(before, next *Config) []Change {
	var d differ
	d.settings("gateway", before.Gateway.Settings(), next.Gateway.Settings(), nil)
	d.settings("defaults", before.Defaults.Settings(), next.Defaults.Settings(), nil)
	for was, is := range pairs(before.Modules, next.Modules, func(a, b Module) int { return cmp.Compare(a.Name, b.Name) }) {
		d.module(was, is, before, next)
	}
	for was, is := range pairs(before.Processes, next.Processes, func(a, b Process) int { return cmp.Compare(a.Name, b.Name) }) {
		d.process(was, is)
	}
	for was, is := range pairs(before.Sinks, next.Sinks, func(a, b Sink) int { return cmp.Compare(a.Name, b.Name) }) {
		switch {
		case is == nil:
			d.add("alert."+was.Name, "declared", "", "what waits for it is still sent; nothing more is")
		case was == nil:
			d.add("alert."+is.Name, "", "declared", "alerts go there, too, from now on")
		default:
			d.settings("alert."+is.Name, was.Settings(), is.Settings(), nil)
		}
	}
	for i := range d {
		d[i].redact(before)
		d[i].redact(next)
	}
	return d
}

// redact hides what c would show of a sensitive setting, or of a process that
// is told by its command.
func (c *Change) redact(cfg *Config) {
	hidden := func(path string) bool {
		_, found := slices.BinarySearch(cfg.Sensitive, path)
		return found
	}
	if !hidden(c.At) && !hidden(c.At+".command") {
		return
	}
	for _, text := range []*string{&c.Was, &c.Is} {
		if *text != "" {
			*text = redacted
		}
	}
}

// pairs yields the elements of two lists that are sorted by compare, those
// that are equal by it together; nil stands for one that is not there.
func pairs[T any](a, b []T, compare func(T, T) int) func(yield func(was, is *T) bool) {
	return func(yield func(was, is *T) bool) {
		for len(a)+len(b) > 0 {
			var was, is *T
			order := 0
			if len(a) == 0 {
				order = 1
			} else if len(b) == 0 {
				order = -1
			} else {
				order = compare(a[0], b[0])
			}
			if order <= 0 {
				was, a = &a[0], a[1:]
			}
			if order >= 0 {
				is, b = &b[0], b[1:]
			}
			if !yield(was, is) {
				return
			}
		}
	}
}

type differ []Change

func (d *differ) add(at, was, is, effect string) { *d = append(*d, Change{at, was, is, effect}) }

// settings lists those that differ, but not what is inherited.
func (d *differ) settings(path string, before, next []Setting, inherited func(was, is Setting) bool) {
	for i, s := range next {
		if !same(before[i], s) && (inherited == nil || !inherited(before[i], s)) {
			was, is := texts(before[i], s)
			d.add(path+"."+s.Name, was, is, s.Effect.String())
		}
	}
}

// texts writes two values of a setting that differ. Of an object only the
// names that differ are shown: an environment may hold a password.
func texts(was, is Setting) (string, string) {
	a, ok := was.Value.(*map[string]string)
	if !ok {
		return was.Text(), is.Text()
	}
	b := is.Value.(*map[string]string)
	names := func(of, other map[string]string) string {
		var names []string
		for _, k := range slices.Sorted(maps.Keys(of)) {
			if v, ok := other[k]; !ok || v != of[k] {
				names = append(names, k)
			}
		}
		return "{" + strings.Join(names, ", ") + "}"
	}
	return names(*a, *b), names(*b, *a)
}

// same reports whether two values of one setting are the same; of secrets
// too, whose texts are.
func same(a, b Setting) bool {
	if s, ok := a.Value.(*Secret); ok {
		return *s == *b.Value.(*Secret)
	}
	return a.Text() == b.Text()
}

func (d *differ) module(was, is *Module, before, next *Config) {
	switch {
	case is == nil:
		d.add("module."+was.Name, "declared", "", "the defaults hold for what of it is registered; to forget it, drop it")
		for i := range was.Versions {
			d.version(was, &was.Versions[i], nil)
		}
		return
	case was == nil:
		d.add("module."+is.Name, "", "declared", "it is known, and absent until it serves")
		for i := range is.Versions {
			d.version(is, nil, &is.Versions[i])
		}
		return
	}
	d.settings("module."+is.Name, was.Settings(), is.Settings(), inherited(before.inheritable(), next.inheritable()))
	for v, w := range pairs(was.Versions, is.Versions, func(a, b Version) int { return a.Version.Compare(b.Version) }) {
		if v != nil && w != nil {
			d.settings(w.path(is), v.AllSettings(), w.AllSettings(), inherited(was.Settings(), is.Settings()))
		}
		d.version(is, v, w)
	}
}

// inheritable lists what a module has that says nothing of its own.
func (c *Config) inheritable() []Setting {
	m := c.Undeclared("")
	return m.Settings()
}

// inherited returns what reports whether a setting differs only because it
// follows one of the block around it, which differs in the same way.
func inherited(before, next []Setting) func(was, is Setting) bool {
	return func(was, is Setting) bool {
		at := slices.IndexFunc(next, func(s Setting) bool { return s.Name == is.Name })
		return at >= 0 && same(before[at], was) && same(next[at], is)
	}
}

// version lists how a version of m differs.
func (d *differ) version(m *Module, was, is *Version) {
	switch {
	case is == nil:
		d.add(was.path(m), was.summary(), "", "its processes disconnect: they finish their runs and get no more (L1)")
	case was == nil:
		d.add(is.path(m), "", is.summary(), is.arrival(m))
	default:
		for p, q := range pairs(was.Provides, is.Provides, func(a, b Provided) int { return cmp.Compare(a.ID, b.ID) }) {
			if at := is.path(m) + ".provides."; q == nil {
				d.add(at+p.ID, p.Version, "", Anew.String())
			} else if p == nil {
				d.add(at+q.ID, "", q.Version, Anew.String())
			} else {
				d.settings(at+q.ID, p.Settings(), q.Settings(), nil)
			}
		}
		for p, q := range pairs(was.Requires, is.Requires, func(a, b module.Requirement) int { return cmp.Compare(a.ID, b.ID) }) {
			if at := is.path(m) + ".requires."; q == nil {
				d.add(at+p.ID, rangeText(p), "", Anew.String())
			} else if p == nil {
				d.add(at+q.ID, "", rangeText(q), Anew.String())
			} else {
				d.settings(at+q.ID, RequirementSettings(p), RequirementSettings(q), nil)
			}
		}
	}
}

func (v *Version) path(m *Module) string {
	return "module." + m.Name + ".version." + v.Version.String()
}

// summary says how much a version is.
func (v *Version) summary() string {
	routes := 0
	for range v.routes() {
		routes++
	}
	return fmt.Sprintf("%s, %s, %s", count(len(v.Upstreams), "upstream"), count(routes, "route"), count(len(v.Requires), "requirement"))
}

// arrival says what comes of a version that is new in m.
func (v *Version) arrival(m *Module) string {
	highest := true
	for i := range m.Versions {
		highest = highest && !v.Version.Less(m.Versions[i].Version)
	}
	switch {
	case !highest:
		return "its processes are registered; a higher version serves (V3)"
	case m.Update == OnTakeover:
		return "its processes are registered; when they are healthy, it gets an UPDATE and takes over (L4)"
	default:
		return "its processes are registered, and it takes over (V2)"
	}
}

func (d *differ) process(was, is *Process) {
	switch {
	case is == nil:
		d.add("process."+was.Name, commandText(was), "", "it leaves its module, is stopped and forgotten")
	case was == nil && is.Autostart:
		d.add("process."+is.Name, "", commandText(is), "it is started")
	case was == nil:
		d.add("process."+is.Name, "", commandText(is), "it starts on request")
	default:
		d.settings("process."+is.Name, was.Settings(), is.Settings(), nil)
	}
}

func commandText(p *Process) string { return strings.Join(p.Command, " ") }

// rangeText writes what a requirement wants.
func rangeText(q *module.Requirement) string {
	if q.Range == "" {
		return "any version"
	}
	return q.Range
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
