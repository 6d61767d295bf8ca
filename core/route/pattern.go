package route

import (
	"bytes"
	"fmt"
	"strings"
)

// Pattern is a parsed path pattern: literal segments, "{name}" for exactly
// one segment that is not empty, and a last segment "*" for whatever is left,
// nothing included. It is matched on raw bytes: nothing is decoded, and a
// trailing slash counts. The zero value matches nothing.
type Pattern struct {
	text  string
	shape string // text without the names of parameters: equal shapes match the same paths
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

func isParameter(segment string) bool {
	return len(segment) > 2 && segment[0] == '{' && strings.IndexAny(segment[1:], "{}*") == len(segment)-2 && segment[len(segment)-1] == '}'
}

func (p Pattern) String() string { return p.text }

// matches reports whether shape matches all of path.
func matches(shape string, path []byte) bool {
	for {
		param := strings.IndexByte(shape, '{')
		if param < 0 {
			break
		}
		if len(path) <= param || string(path[:param]) != shape[:param] || path[param] == '/' {
			return false
		}
		path = path[param+segment(path[param:]):]
		shape = shape[param+len("{}"):]
	}
	if last := len(shape) - 1; last >= 0 && shape[last] == '*' {
		return len(path) >= last && string(path[:last]) == shape[:last]
	}
	return string(path) == shape
}

// segment returns the length of path up to its next slash.
func segment(path []byte) int {
	if i := bytes.IndexByte(path, '/'); i >= 0 {
		return i
	}
	return len(path)
}
