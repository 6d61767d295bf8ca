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

// answered reports whether a field of an answer DELAY or MISSING is the
// gateway's.
func answered(name string) bool {
	switch name = strings.ToLower(name); name {
	case "cache-control", "content-type", "preference-applied", "retry-after", "vary", "www-authenticate":
		return true
	}
	return framing(name) || strings.HasPrefix(name, "access-control-")
}

// visible reports whether s has no control character, which would end a field.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// isCode reports whether s may be an incident's code.
func isCode(s string) bool {
	return len(s) > 0 && len(s) <= longestRule && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}
