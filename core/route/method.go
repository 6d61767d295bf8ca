package route

import (
	"fmt"
	"strings"
)

// known are the methods of RFC 9110 9.3 and RFC 5789. A leaf has these very
// strings: their bytes, unlike a registration's own, are always in the cache.
var known = [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}

// methods lists e's methods, "" for any.
func methods(e Entry) ([]string, error) {
	if len(e.Methods) == 0 {
		return []string{""}, nil
	}
	list := make([]string, 0, len(e.Methods))
	for _, m := range e.Methods {
		if !isToken(m) {
			return nil, fmt.Errorf("path pattern %q: method %q is not a token such as GET", e.Path, m)
		}
		for _, k := range known {
			if m == k {
				m = k
			}
		}
		list = append(list, m)
	}
	return list, nil
}

// isToken is RFC 9110 5.6.2. Case counts.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}
