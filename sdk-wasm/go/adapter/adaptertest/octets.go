//go:build !wasip1

package adaptertest

import (
	"fmt"
	"strings"
)

// isToken reports whether s is a token (RFC 9110 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// visible returns a field's value as the gateway makes it of one: a space for
// each control character, none around it.
func visible(value string) string {
	b := []byte(strings.Trim(value, " \t"))
	for i, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			b[i] = ' '
		}
	}
	return string(b)
}

// target returns a target with everything percent-encoded that cannot be in
// one.
func target(uri string) string {
	var b strings.Builder
	for i := range len(uri) {
		c := uri[i]
		if c > ' ' && c < 0x7f && c != '#' && (c != '\\' || strings.Contains(uri[:i], "?")) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
