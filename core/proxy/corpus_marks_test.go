package proxy

import (
	"fmt"
	"slices"
	"strings"
)

// What others get for the same cases by the same marks, each before a recorder
// and set up as it comes: measured on one machine on 2026-11, Debian's nginx
// and HAProxy, fasthttp 1.78.0.
var (
	probed  = [][2]string{{"nginx 1.22.1", "132/40/12"}, {"HAProxy 2.6.12", "117/49/18"}, {"a naive fasthttp proxy", "132/39/13"}}
	mutated = [][2]string{{"nginx 1.22.1", "11, 0"}, {"HAProxy 2.6.12", "12, 0"}, {"a naive fasthttp proxy", "7, 0"}}
)

// beside puts what the gateway gets beside others'.
func beside(who, what string, others [][2]string) string {
	var b strings.Builder
	for _, row := range slices.Concat([][2]string{{who, what}}, others) {
		fmt.Fprintf(&b, "    %-24s %s\n", row[0], row[1])
	}
	return b.String()
}

// mark is pass, warn or fail for a case of Http11Probe, or nothing for one that
// is not for proxies. Of what may be refused, what is forwarded is a warning.
func (a attack) mark(p performance) string {
	pass := false
	switch {
	case a.Group == "Cookie" || a.Group == "Capabilities" || slices.Contains(ofOrigins, a.ID):
		return ""
	case a.Expect == "accept":
		pass = !p.rejected()
	case a.Expect == "accept_then_close":
		pass = !p.rejected() && p.closed
	case a.Expect == "reject":
		pass = p.rejected() || a.mayClose() && p.closed && len(p.sent) == 1
	case a.Expect == "not_101":
		pass = !slices.Contains(p.statuses, 101)
	case a.Expect == "may" && !p.rejected():
		return "warn"
	case a.Expect == "may":
		pass = true
	default: // whatever is said of it, it is not said of proxies
		return ""
	}
	if pass {
		return "pass"
	}
	return "fail"
}

// ofOrigins are the cases that only an origin server can answer as is wanted.
var ofOrigins = []string{"COMP-405-ALLOW", "COMP-UNKNOWN-METHOD", "COMP-OPTIONS-STAR", "COMP-DATE-FORMAT"}

// doubtful reports whether m has a length beside a field that some take for
// Transfer-Encoding.
func (m *captured) doubtful() bool {
	like := func(n string) bool { return notLetters.ReplaceAllString(n, "") == "transferencoding" }
	return slices.Contains(m.names, "content-length") && slices.ContainsFunc(m.names, like)
}
