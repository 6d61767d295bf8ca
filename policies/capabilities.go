package policies

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// What a unit may call is a list of what is left when everything is taken away
// that looks outside (network, clock, chance, the process), that OPA has
// deprecated, or that costs more than a decision may.

// instead says, for the built-ins that authors reach for, what does the same
// here. Those that end in a dot stand for all that begin so.
var instead = []struct{ name, advice string }{
	{"http.send", "put what it would fetch into data/<name>.json and refer to data.<name>"},
	{"net.lookup_ip_addr", "put the addresses into data/<name>.json and refer to data.<name>"},
	{"net.", "put the networks' names into data/<name>.json and refer to data.<name>"},
	{"time.now_ns", "use input.now (weekday, date, time, hour, minute) or input.target.absent_s"},
	{"rand.intn", "take the remainder of a number that input has, such as input.now.minute % 10"},
	{"uuid.rfc4122", "the gateway's answers bear a Modgate-Request-Id"},
	{"opa.runtime", "put settings into data/<name>.json and refer to data.<name>"},
	{"json.match_schema", "input is held against schemas/input.json before any unit sees it"},
	{"json.verify_schema", "input is held against schemas/input.json before any unit sees it"},
	{"io.jwt.", "identity is the gateway's: use input.caller"},
	{"crypto.", "identity is the gateway's: use input.caller"},
	{"graphql.", "a policy sees no bodies: use input.request.route"},
	{"rego.", "say in the decision's rule which rule it was"},
	{"walk", "refer to the fields by name"},
	{"trace", "use print in a test"},
	{"print", "use it in tests only"},
}

// capabilities returns what units may use: Rego 1 without built-ins that could
// make two answers to one question, and no remote schemas. With test, print and
// what test runs need is added.
func capabilities(test bool) *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.AllowNet = []string{}
	c.FutureKeywords = nil
	c.Features = []string{ast.FeatureRegoV1, ast.FeatureKeywordsInRefs, ast.FeatureTemplateStrings}
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		if test && (b.Name == "print" || b.Name == "internal.print" || b.Name == "internal.test_case") {
			return false
		}
		return b.IsNondeterministic() || b.IsDeprecated() || withheld(b.Name)
	})
	return c
}

// withheld reports whether a built-in is kept from policies although OPA calls
// it deterministic: verifying certificates looks at the clock, and the others
// are not for decisions.
func withheld(name string) bool {
	switch name {
	case "io.jwt.decode", "net.cidr_contains", "net.cidr_contains_matches", "net.cidr_intersects", "net.cidr_is_valid",
		"crypto.md5", "crypto.sha1", "crypto.sha256":
		return false
	case "internal.print", "internal.test_case":
		return true
	}
	return advice(name) != ""
}

// advice returns what to use instead of a built-in, empty if there is none.
func advice(name string) string {
	for _, i := range instead {
		if name == i.name || strings.HasSuffix(i.name, ".") && strings.HasPrefix(name, i.name) {
			return i.advice
		}
	}
	return ""
}
