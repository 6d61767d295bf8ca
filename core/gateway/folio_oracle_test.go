package gateway

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What must be true of a FOLIO platform, from its descriptors alone: who
// answers a request, and whose requirement is unmet. Nothing here knows the
// gateway's code, its configuration, or how either reads a descriptor; the
// rules are Okapi's (okapi.md 1.5, 1.7).

// descriptor is what of a ModuleDescriptor counts here.
type descriptor struct {
	ID       string
	Requires []wanted
	Optional []wanted
	Replaces []string
	Provides []struct {
		ID, Version, InterfaceType string
		Handlers                   []struct {
			Methods           []string
			PathPattern, Path string
		}
	}

	name string
	ways []way // what it is asked for by path
}

type wanted struct{ ID, Version string }

// platform is which descriptor of each module serves at a moment.
type platform map[string]*descriptor

// readRelease reads the descriptors that a release's install list names, in
// its order.
func readRelease(t *testing.T, folder, release string) (order []string, _ platform) {
	t.Helper()
	read := func(file string, to any) {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err == nil {
			err = json.Unmarshal(text, to)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var list []struct{ ID string }
	read("install-"+release+".json", &list)
	p := platform{}
	for _, entry := range list {
		d := &descriptor{}
		read(filepath.Join("descriptors", entry.ID+".json"), d)
		d.name = entry.ID[:regexp.MustCompile(`-\d`).FindStringIndex(entry.ID)[0]]
		d.ways = d.waysByPath()
		p[d.name] = d
		order = append(order, d.name)
	}
	return order, p
}

// way is a pattern of a handler, as something that can be asked for.
type way struct {
	module    string
	iface     string
	method    string
	path      []string // segments: "*" at the end is any rest, "{" any one
	text      string   // method and pattern without the names in braces
	request   string   // a concrete path for it
	undefined bool     // Okapi's other uses of "*", which nobody can translate
}

func (d *descriptor) waysByPath() []way {
	var all []way
	for _, i := range d.Provides {
		if !byPath(i.ID, i.InterfaceType) {
			continue
		}
		for _, h := range i.Handlers {
			for _, m := range h.Methods {
				all = append(all, waysOf(d.name, i.ID, m, h.PathPattern+h.Path)...) // one of the two is there
			}
		}
	}
	return all
}

// routing is the ways of a platform, by method and first segment.
type routing map[string][]way

func (p platform) routing() routing {
	heirs := map[string][]*descriptor{} // by whom they replace
	for _, d := range p {
		for _, old := range d.Replaces {
			heirs[old] = append(heirs[old], d)
		}
	}
	r := routing{}
	for _, d := range p {
		for _, w := range d.ways {
			replaced := slices.ContainsFunc(heirs[d.name], func(heir *descriptor) bool { return heir.has(w) })
			if key := w.method + " " + w.path[0]; !w.undefined && !replaced {
				r[key] = append(r[key], w)
			}
		}
	}
	return r
}

// has reports whether one of the module's ways asks for the same.
func (d *descriptor) has(w way) bool {
	return slices.ContainsFunc(d.ways, func(v way) bool { return v.method == w.method && slices.Equal(v.path, w.path) })
}

var (
	braces   = regexp.MustCompile(`\{[^}]*\}`)
	concrete = strings.NewReplacer("{", "zz9", "*", "zz9/y")
)

func waysOf(module, iface, method, pattern string) []way {
	plain := braces.ReplaceAllString(pattern, "{")
	w := way{module: module, iface: iface, method: method, text: method + " " + plain}
	forms := []string{plain}
	if rest, ok := strings.CutSuffix(plain, "*"); ok && !strings.HasSuffix(rest, "/") {
		forms = []string{rest, rest + "/*"} // "/x*" is "/x" and all below it, and more that is left out
	}
	var all []way
	for _, f := range forms {
		w.path = strings.Split(strings.TrimPrefix(f, "/"), "/")
		w.undefined = slices.ContainsFunc(w.path[:len(w.path)-1], func(s string) bool { return strings.Contains(s, "*") }) ||
			slices.ContainsFunc(w.path, func(s string) bool { return len(s) > 1 && strings.ContainsAny(s, "{*") })
		w.request = "/" + concrete.Replace(f[1:])
		all = append(all, w)
	}
	return all
}

// byPath reports whether Okapi routes to the interface by path, and lets it
// meet requirements.
func byPath(id, interfaceType string) bool {
	return !strings.HasPrefix(id, "_") && interfaceType != "system" && interfaceType != "multiple"
}

// answers returns the way by which a request is answered: the most specific
// one for its method; ok is false if there is none.
func (r routing) answers(method, path string) (best way, ok bool) {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for _, first := range []string{segments[0], "{", "*"} {
		for _, w := range r[method+" "+first] {
			if w.matches(segments) && (!ok || w.beats(best)) {
				best, ok = w, true
			}
		}
	}
	return best, ok
}

func (w way) matches(segments []string) bool {
	for i, s := range w.path {
		switch {
		case s == "*":
			return len(segments) > i
		case len(segments) <= i || s != "{" && s != segments[i]:
			return false
		}
	}
	return len(segments) == len(w.path)
}

// beats compares two ways that match one path, from the left: a text is more
// specific than any segment, and that than any rest.
func (w way) beats(v way) bool {
	rank := func(s string) int { return strings.Index("*{", s[:min(1, len(s))]) }
	for i := range min(len(w.path), len(v.path)) {
		a, b := rank(w.path[i]), rank(v.path[i])
		if w.path[i] == "" || v.path[i] == "" || a == b {
			continue
		}
		return a < 0 || b >= 0 && a > b
	}
	return false
}

// compatible is Okapi's rule for a provided and a required version.
func compatible(provided, required string) bool {
	numbers := func(s string) (n [3]int) {
		n[2] = -1
		for i, part := range strings.SplitN(s, ".", 3) {
			n[i], _ = strconv.Atoi(part)
		}
		return n
	}
	provided, _, _ = strings.Cut(provided, " ")
	required, _, _ = strings.Cut(required, "  ")
	have := numbers(provided)
	for _, alternative := range strings.Split(required, " ") {
		if want := numbers(alternative); want[0] == have[0] {
			return have[1] > want[1] || have[1] == want[1] && have[2] >= want[2]
		}
	}
	return false
}

// provided returns the version in which the module provides an interface.
func (d *descriptor) provided(id string) (version string, ok bool) {
	for _, i := range d.Provides {
		if i.ID == id && byPath(i.ID, i.InterfaceType) {
			return i.Version, true
		}
	}
	return "", false
}

// want is a requirement of one module that another is asked to meet.
type want struct {
	caller, target string
	wanted
	found string
	met   bool
}

// wants lists the requirements of p's modules about each other; those on what
// nobody provides are not among them.
func (p platform) wants() []want {
	providers := map[string][]*descriptor{}
	for _, d := range p {
		for _, i := range d.Provides {
			providers[i.ID] = append(providers[i.ID], d)
		}
	}
	var all []want
	for _, caller := range p {
		for _, q := range slices.Concat(caller.Requires, caller.Optional) {
			for _, target := range providers[q.ID] {
				if found, ok := target.provided(q.ID); ok && target != caller {
					all = append(all, want{caller.name, target.name, q, found, compatible(found, q.Version)})
				}
			}
		}
	}
	return all
}

// unorderable lists the pairs of a caller and a target that can be upgraded
// in no order without a requirement being unmet in between: the old caller
// cannot use the new target, nor the new caller the old target. From R1-2024 to
// R2-2024 there are 37: 35 about one and the same interface, 2 about different
// ones of one target. Optional requirements do not count (with them there were
// 38), nor do interfaces of the types system and multiple (it would be the same
// number).
func unorderable(before, after platform) (pairs []string) {
	unmet := func(caller, target *descriptor) bool {
		return caller != nil && target != nil && slices.ContainsFunc(caller.Requires, func(q wanted) bool {
			found, ok := target.provided(q.ID)
			return ok && !compatible(found, q.Version)
		})
	}
	for _, caller := range slices.Sorted(maps.Keys(before)) {
		for _, target := range slices.Sorted(maps.Keys(before)) {
			if unmet(before[caller], after[target]) && unmet(after[caller], before[target]) {
				pairs = append(pairs, caller+" and "+target)
			}
		}
	}
	return pairs
}
