package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modgate/modgate/conformance/script"
)

// Rule is a numbered promise of the specification, or a line of its section 3.
type Rule struct {
	ID     string
	Says   string // in short, for the table
	NotYet string // why no case holds it; "" if one does
}

// Rules lists all of them, in the specification's order.
var Rules = []Rule{
	{"A1", "states, reasons and phases, and no others", ""},
	{"A2", "a request to a ready module is routed at once", ""},
	{"A3", "one to a module that is not ready is parked, or answered", ""},
	{"A4", "an absence has one deadline; then MISSING", ""},
	{"A5", "parked requests are released on a ramp, round robin", ""},
	{"A6", "parking is bounded in number, bytes and time", ""},
	{"A7", "an absence begins when ready ends, and its beginning stays", ""},
	{"A8", "park or reply, as suits the caller", ""},
	{"C1", "what configuration owns, what registration owns; reloads", ""},
	{"D1", "a registration is answered with the state of each requirement", ""},
	{"D2", "one notice per change to each instance", ""},
	{"D3", "met, delayed, missing, by version and interface", ""},
	{"D4", "state is not inferred from requirements", ""},
	{"D5", "unresolved requirements alert once", ""},
	{"D6", "versions and ranges", ""},
	{"V1", "new requests go to the highest that serves", ""},
	{"V2", "takeover, drain, grace", ""},
	{"V3", "a lower version that comes later is idle", ""},
	{"V4", "a draining version serves again when the higher goes", ""},
	{"V5", "semantic order", ""},
	{"V6", "starting blocks nobody", ""},
	{"V7", "below the floor is fenced", ""},
	{"V8", "streams hold no grace", ""},
	{"V9", "routes belong to the version", ""},
	{"V10", "a route goes to who replaces its owner, without a gap", ""},
	{"U1", "UPDATE alone is granted at once", ""},
	{"U2", "UPDATE waits for the older version's runs", ""},
	{"U3", "the holder is routed", ""},
	{"U4", "RESUME ends the UPDATE", ""},
	{"U5", "no version takes a grant away", ""},
	{"U6", "an UPDATE overdue; a holder lost", ""},
	{"U7", "repetition is harmless", ""},
	{"U8", "fencing by token and epoch", ""},
	{"U9", "siblings", ""},
	{"U10", "a grant is inherited, or lost", ""},
	{"U11", "runs and circles", ""},
	{"U12", "a waiting UPDATE ends without a grant", ""},
	{"U13", "the older version is lost meanwhile", ""},
	{"L1", "DISCONNECT is answered when the runs are done", ""},
	{"L2", "a lost lease", ""},
	{"L3", "who comes back finds its requests", ""},
	{"L4", "mute modules", ""},
	{"L5", "flapping is held out", ""},
	{"L6", "a refused connection is not yet a loss", ""},
	{"N1", "the newest notice per subject, at least once", ""},
	{"G1", "state survives a crash", ""},
	{"G2", "hot upgrade", "second wave"},
	{"G3", "never a false 404", ""},
	{"G4", "several nodes", "second wave"},
	{"G5", "administrators are alerted once", ""},
	{"G6", "after a restart; settle", ""},
	{"G7", "what ended while the core was down has ended", ""},
	{"O1", "administrators' overrides", ""},
	{"I1", "join secret, tokens, callers", ""},
	{"I2", "control listener, administrator's token, nothing secret printed", ""},
	{"3.1-token", "`Modgate-Token` is stripped; bad and fenced ones are 503", ""},
	{"3.1-run", "`Modgate-Run` is written, verified, bounded", ""},
	{"3.1-epoch", "`Modgate-Epoch` to modules", ""},
	{"3.1-request-id", "`Modgate-Request-Id` on every answer", ""},
	{"3.1-status", "`Modgate-Status` is a structured field", ""},
	{"3.1-bearer", "control calls bear a secret, else 401", ""},
	{"3.2-delay", "DELAY", ""},
	{"3.2-missing", "MISSING", ""},
	{"3.2-unknown", "unknown module or path", ""},
	{"3.2-overflow", "queue full", ""},
	{"3.2-resume", "RESUME on answers that were parked", ""},
	{"3.2-problem", "members of the problem", ""},
	{"3.2-browser", "a page for browsers", ""},
	{"3.2-cors", "CORS and preflights", ""},
	{"3.3-instances", "`POST /v1/instances`", ""},
	{"3.3-lease", "`PUT .../lease`", ""},
	{"3.3-announcements", "`POST .../announcements`, `Prefer`", ""},
	{"3.3-outcome", "outcomes", ""},
	{"3.3-alerts", "`POST /v1/alerts`", ""},
	{"3.3-admin", "what administrators read", ""},
	{"3.3-overrides", "`POST .../overrides`", ""},
	{"3.3-reload", "`POST /v1/admin/reload`", ""},
	{"3.3-health", "`/livez`, `/readyz`, `/metrics`", ""},
	{"3.3-openapi", "`/v1/openapi.json`", ""},
	{"3.3-registration", "the registration's body and bounds", ""},
	{"3.3-instance-id", "instance ids", ""},
	{"3.3-errors", "errors of the control API", ""},
	{"3.4-cloudevents", "notices are CloudEvents", ""},
	{"3.4-sse", "the stream of notices", ""},
	{"3.4-webhook", "signed webhooks", ""},
	{"3.5-defaults", "defaults and their bounds", ""},
}

// Table writes rules x cases as Markdown.
func Table(cases []*script.Case) string {
	var b strings.Builder
	counts := map[string]int{}
	for _, c := range cases {
		counts[ProfileOf(c)]++
	}
	fmt.Fprintf(&b, "# Rules and the cases that hold them\n\nMade by `go test ./conformance/suite -rewrite`. %d cases: %d in the profile core, %d in extended.\n\n",
		len(cases), counts[ProfileCore], counts[ProfileExtended])
	b.WriteString("| rule | says | cases |\n|---|---|---|\n")
	for _, r := range Rules {
		var names []string
		for _, c := range cases {
			if slices.Contains(c.Rules, r.ID) {
				names = append(names, fmt.Sprintf("[%s](cases/%s%s)", c.Name[strings.IndexByte(c.Name, '/')+1:], c.Name, script.Extension))
			}
		}
		held := fmt.Sprintf("%d: %s", len(names), strings.Join(names, ", "))
		if names == nil {
			held = "not yet: " + r.NotYet
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.ID, r.Says, held)
	}
	return b.String()
}

// Faults returns what is wrong with the cases as a set: a rule without a case
// and without a reason, a reason that no longer holds, a rule or a feature
// that does not exist, two cases of one title.
func Faults(cases []*script.Case) (wrong []string) {
	held := map[string]int{}
	titles := map[string]string{}
	for _, c := range cases {
		for _, id := range c.Rules {
			held[id]++
			if !slices.ContainsFunc(Rules, func(r Rule) bool { return r.ID == id }) {
				wrong = append(wrong, fmt.Sprintf("%s: there is no rule %s", c.Name, id))
			}
		}
		for _, f := range c.Features {
			if !IsFeature(f) {
				wrong = append(wrong, fmt.Sprintf("%s: there is no feature %s", c.Name, f))
			}
		}
		if other := titles[c.Title]; other != "" {
			wrong = append(wrong, fmt.Sprintf("%s and %s have one title", c.Name, other))
		}
		titles[c.Title] = c.Name
	}
	for _, r := range Rules {
		switch {
		case held[r.ID] == 0 && r.NotYet == "":
			wrong = append(wrong, fmt.Sprintf("rule %s has no case", r.ID))
		case held[r.ID] > 0 && r.NotYet != "":
			wrong = append(wrong, fmt.Sprintf("rule %s has %d cases: it is not \"not yet\" any more", r.ID, held[r.ID]))
		}
	}
	return wrong
}
