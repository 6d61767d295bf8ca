package suite

import "github.com/modgate/modgate/conformance/script"

// Feature is something that a core may do beyond the lifecycle itself, and
// claims.
type Feature struct{ Name, Meaning string }

// Features lists the extended ones. What needs none of them is the profile
// core, which every core must pass.
var Features = []Feature{
	{"parking", "requests to a module that is away wait in the core (A3, A6)"},
	{"fencing", "tokens of versions that are fenced open nothing, epochs rise (U8)"},
	{"runs", "`Modgate-Run` is written, honoured and verified (U11)"},
	{"alerts", "administrators are alerted, and read the alerts (G5)"},
	{"administration", "the administrators' part of the control API (3.3)"},
	{"pages", "browsers get pages, and CORS (3.2)"},
	{"strict-http", "requests that servers read in more than one way are refused"},
	{"policies", "fallback policies in Rego"},
	{"settle", "no lease and no absence expires just after a start (G6)"},
	{"streams", "upgraded connections and event streams hold no grace (V8)"},
	{"fairness", "parked requests are released on a ramp, round robin among callers (A5)"},
	{"webhooks", "notices by signed webhooks (3.4)"},
	{"mute", "modules that speak no protocol (L4)"},
	{"adapters", "adapters translate for modules (L4)"},
	{"compatible", "`routing = \"compatible\"` (V1)"},
	{"overrides", "administrators' overrides (O1)"},
}

// IsFeature reports whether there is such a feature.
func IsFeature(name string) bool {
	for _, f := range Features {
		if f.Name == name {
			return true
		}
	}
	return false
}

// Profiles.
const (
	ProfileCore     = "core"
	ProfileExtended = "extended"
)

// ProfileOf returns the profile that a case belongs to.
func ProfileOf(c *script.Case) string {
	if len(c.Features) == 0 {
		return ProfileCore
	}
	return ProfileExtended
}
