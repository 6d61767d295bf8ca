package proxy

import (
	"time"

	"github.com/modgate/modgate/core/route"
)

// isRegistered reports whether a method is in IANA's registry of HTTP methods;
// HTTP/2's PRI is none that anyone may send.
func isRegistered(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", // RFC 9110 9.3, RFC 5789
		"ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE",
		"MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH",
		"PROPFIND", "PROPPATCH", "QUERY", "REBIND", "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK",
		"UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL":
		return true
	default:
		return false
	}
}

// takesAny reports whether t, which the request leads to, is a route for any
// method: of those that nobody has heard of, a module gets what it names.
func (x *exchange) takesAny(t *route.Target) bool {
	found, _ := x.gen.Table.Match(nil, x.head.path)
	return found == t
}

// unmatched answers where no route is for the request: after a start, one may
// be still to come (G3).
func (x *exchange) unmatched() {
	if methods := x.gen.Table.Allow(x.head.path); len(methods) > 0 && time.Now().After(x.gen.StartingUntil) {
		x.notAllowed(methods)
		return
	}
	x.unknown("")
}
