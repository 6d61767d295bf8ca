package okapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/message"
)

// patterns says a path pattern of Okapi's in the language. There a "*" stands
// for any characters, also within a segment; here for what is left after a
// slash: "/x*" is "/x" and "/x/*" then, and note says what is lost by it.
// Without patterns, note says why it cannot be said.
func patterns(folio string) (ours []string, note string) {
	segments := strings.Split(folio, "/")
	for i, s := range segments {
		if s == "{}" {
			segments[i] = "{any}" // the language wants a name
		}
	}
	last := len(segments) - 1
	stem, starred := strings.CutSuffix(segments[last], "*")
	if starred && stem != "" {
		segments[last] = stem
		if stem[0] != '{' {
			note = fmt.Sprintf("%s: expressed as %s and %[2]s/*, not for paths in which the last segment goes on", folio, strings.Join(segments, "/"))
		}
		ours = append(ours, strings.Join(segments, "/"))
		segments = append(segments, "*")
	}
	ours = append(ours, strings.Join(segments, "/"))
	for _, p := range ours {
		if _, err := message.ParsePattern(p); err != nil {
			return nil, fmt.Sprintf("route %s: %v", folio, err)
		}
	}
	return ours, note
}

// pattern returns what the handler is for; a legacy path is a prefix.
func (h handler) pattern() string {
	if h.Pattern == "" && h.Prefix != "" {
		return h.Prefix + "*"
	}
	return h.Pattern
}

// routes collects the routes of one version.
type routes struct {
	taken map[string]string // method and shape -> interface
	notes []string
}

// of says an interface's handlers as routes, in their order: one for each
// pattern, with its methods.
func (r *routes) of(p provided) []string {
	var order []string // shapes
	text, methods := map[string]string{}, map[string][]string{}
	for _, h := range p.Handlers {
		ours, note := patterns(h.pattern())
		r.note(note)
		if len(h.Methods) == 0 {
			r.note(fmt.Sprintf("route %s: it has no methods", h.pattern()))
			continue
		}
		for _, o := range ours {
			parsed, err := message.ParsePattern(o)
			if err != nil {
				continue // patterns gives none of these
			}
			shape := parsed.Shape()
			for _, m := range h.Methods {
				if !r.take(m, shape, p.ID) {
					continue
				}
				if methods[shape] == nil {
					order, text[shape] = append(order, shape), o
				}
				methods[shape] = append(methods[shape], m)
			}
		}
	}
	out := make([]string, len(order))
	for i, shape := range order {
		out[i] = text[shape]
		if !slices.Contains(methods[shape], "*") {
			out[i] = strings.Join(methods[shape], " ") + " " + out[i]
		}
	}
	return out
}

// take gives the interface a route, unless it or another has it already.
func (r *routes) take(method, shape, id string) bool {
	key := method + " " + shape
	if owner, ok := r.taken[key]; ok {
		if owner != id {
			r.note(fmt.Sprintf("route %s: it is of the interfaces %s and %s; expressed in the first", key, owner, id))
		}
		return false
	}
	r.taken[key] = id
	return true
}

func (r *routes) note(text string) {
	if text != "" && !slices.Contains(r.notes, text) {
		r.notes = append(r.notes, text)
	}
}
