package policies

import "strings"

// token reports whether s is a token of RFC 9110 section 5.6.2.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// framing reports whether a field frames the message or belongs to the gateway.
func framing(name string) bool {
	switch name = strings.ToLower(name); name {
	case "connection", "content-length", "date", "keep-alive", "proxy-connection", "proxy-status", "te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return strings.HasPrefix(name, "modgate-")
}

// visible reports whether s has no control character, which would end a field.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
