package message

import (
	"fmt"
	"strings"
)

// Pattern is a parsed path pattern: literal segments, "{name}" for exactly
// one segment that is not empty, and a last segment "*" for whatever is left,
// nothing included. It is matched on raw bytes: nothing is decoded, and a
// trailing slash counts. The zero value matches nothing.
type Pattern struct {
	text  string
	shape string // see Shape
}

// ParsePattern reads a pattern. Its errors say what is wrong, and where.
func ParsePattern(s string) (Pattern, error) {
	bad := func(at int, what string) (Pattern, error) {
		return Pattern{}, fmt.Errorf("path pattern %q, at offset %d: %s", s, at, what)
	}
	if !strings.HasPrefix(s, "/") {
		return bad(0, "a path begins with /")
	}
	shape := s // until a parameter has a name
	var named []byte
	copied := 0 // how much of s is in named
	for at := 1; at <= len(s); {
		segment, _, more := strings.Cut(s[at:], "/")
		switch {
		case segment == "*":
			if more {
				return bad(at, "* stands for the rest of the path, so nothing may follow it")
			}
		case isParameter(segment):
			named = append(append(named, s[copied:at]...), "{}"...)
			copied = at + len(segment)
		default:
			if i := strings.IndexAny(segment, "{}*"); i >= 0 {
				return bad(at+i, "a parameter {name} or * takes a whole segment")
			}
			if i := strings.IndexFunc(segment, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '?' || r == '#' }); i >= 0 {
				return bad(at+i, "a path has no spaces, controls, ?, # or non-ASCII characters: percent-encode them")
			}
		}
		at += len(segment) + 1
	}
	if copied > 0 {
		shape = string(append(named, s[copied:]...))
	}
	return Pattern{s, shape}, nil
}

// Way is what a route is found by: the shape of its pattern, and one method, ""
// for any that has no way of its own.
type Way struct{ Method, Shape string }

// Ways returns r's ways, none of a pattern that is not one.
func (r Route) Ways() []Way {
	p, err := ParsePattern(r.Path)
	if err != nil {
		return nil
	}
	if len(r.Methods) == 0 {
		return []Way{{"", p.Shape()}}
	}
	ways := make([]Way, len(r.Methods))
	for i, m := range r.Methods {
		ways[i] = Way{m, p.Shape()}
	}
	return ways
}

func isParameter(segment string) bool {
	return len(segment) > 2 && segment[0] == '{' && strings.IndexAny(segment[1:], "{}*") == len(segment)-2 && segment[len(segment)-1] == '}'
}

func (p Pattern) String() string { return p.text }

// Shape returns the pattern without the names of parameters, "{}" instead of
// "{name}": patterns of one shape match the same paths.
func (p Pattern) Shape() string { return p.shape }
