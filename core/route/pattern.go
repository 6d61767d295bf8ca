package route

import (
	"fmt"
	"strings"
)

// Pattern is a parsed path pattern: literal segments, "{name}" for exactly
// one segment that is not empty, and a last segment "*" for whatever is left,
// nothing included. It is matched on raw bytes: nothing is decoded, and a
// trailing slash counts.
type Pattern struct {
	text  string
	parts []part
}

// part is a stretch of literal bytes, followed by a parameter, the rest, or
// nothing.
type part struct {
	text string
	next after
}

type after uint8

const (
	end after = iota
	param
	rest
)

// ParsePattern reads a pattern. Its errors say what is wrong, and where.
func ParsePattern(s string) (Pattern, error) {
	bad := func(at int, what string) (Pattern, error) {
		return Pattern{}, fmt.Errorf("path pattern %q, at offset %d: %s", s, at, what)
	}
	if !strings.HasPrefix(s, "/") {
		return bad(0, "a path begins with /")
	}
	p := Pattern{text: s}
	literal := 0 // where the present stretch begins
	for at := 1; at <= len(s); {
		segment, _, more := strings.Cut(s[at:], "/")
		stop := at + len(segment)
		switch {
		case segment == "*":
			if more {
				return bad(at, "* stands for the rest of the path, so nothing may follow it")
			}
			p.parts = append(p.parts, part{s[literal:at], rest})
			return p, nil
		case strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}") && len(segment) > 2 && !strings.ContainsAny(segment[1:len(segment)-1], "{}*"):
			p.parts = append(p.parts, part{s[literal:at], param})
			literal = stop
		default:
			if i := strings.IndexAny(segment, "{}*"); i >= 0 {
				return bad(at+i, "a parameter {name} or * takes a whole segment")
			}
			if i := strings.IndexFunc(segment, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '?' || r == '#' }); i >= 0 {
				return bad(at+i, "a path has no spaces, controls, ?, # or non-ASCII characters: percent-encode them")
			}
		}
		at = stop + 1
	}
	p.parts = append(p.parts, part{s[literal:], end})
	return p, nil
}

func (p Pattern) String() string { return p.text }
