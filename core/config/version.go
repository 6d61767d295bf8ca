package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Version is a version that is declared in full, because its processes do not
// register (C1). Bounds of each field stand in Settings.
type Version struct {
	Version   module.Version
	Upstreams []string             // origins, one instance each
	Protocol  message.Protocol     // that they speak
	Egress    []string             // addresses of their own data listeners, one for each upstream, or none (L4)
	Routes    []message.Route      // that belong to no interface
	Scheme    module.Scheme        // of the ranges that do not say theirs
	Provides  []Provided           // sorted by id
	Requires  []module.Requirement // sorted by id
	Probe     Probe                // the module's, with what the version's block says instead
}

// Provided is an interface that a version provides, and the routes that
// belong to it (D3).
type Provided struct {
	module.Interface
	Routes []message.Route
}

// Settings lists what the language sets of v, by name below its block.
func (v *Version) Settings() []Setting {
	return Anew.of([]Setting{
		{Name: "upstreams", Value: &v.Upstreams, Required: true, Doc: "origins of its processes, such as \"http://127.0.0.1:9101\": each is an instance"},
		{Name: "protocol", Value: &v.Protocol, Words: message.ProtocolNames(), Doc: "what they speak: HTTP/1.1, or HTTP/2 in clear text (h2c) or under TLS (h2), of which gRPC needs one"},
		{Name: "egress", Value: &v.Egress, Doc: "addresses of data listeners, one for each upstream: what arrives there is that instance's, as if it bore its token (L4)"},
		{Name: "routes", Value: &v.Routes, Doc: "what it serves that belongs to none of its interfaces: methods, or none for any, and a pattern, such as \"GET PUT /items/{id}\" (V9)"},
		{Name: "scheme", Value: &v.Scheme, Words: schemeWords[:], Doc: "how the ranges of its requirements are read that say nothing else; unset: semver (D6)"},
	})
}

// AllSettings are those of v and of its probe, which stand in a module's block
// too.
func (v *Version) AllSettings() []Setting { return append(v.Settings(), v.Probe.Settings()...) }

// Settings lists what the language sets of p, by name below its block.
func (p *Provided) Settings() []Setting {
	return Anew.of([]Setting{
		{Name: "version", Value: &p.Version, Required: true, Doc: "the interface's own version, \"1.3\" or \"1.3.0\""},
		{Name: "routes", Value: &p.Routes, Doc: "routes that belong to it: then only requirements on the interface, or on the module, count for requests to them (D3)"},
	})
}

// RequirementSettings lists what the language sets of q, by name below its
// block.
func RequirementSettings(q *module.Requirement) []Setting {
	return Anew.of([]Setting{
		{Name: "range", Value: &q.Range, Doc: "versions that will do, such as \">= 1.4, < 3\", or \"1.4\" for all that are compatible with it; unset: any (D6)"},
		{Name: "scheme", Value: &q.Scheme, Words: schemeWords[:], Doc: "how the range is read: semver, or folio, where \"1.3 2.0\" is X.Y with alternatives; unset: that of the version (D6)"},
		{Name: "kind", Value: &q.Kind, Words: kindWords[:], Doc: "whether the id is that of a module or of an interface; unset: either"},
		{Name: "optional", Value: &q.Optional, Doc: "whether it counts as met while nobody is known who provides it (D3)"},
	})
}

var (
	schemeWords = [...]string{"semver", "folio"}
	kindWords   = [...]string{module.ModuleKind.String(), module.InterfaceKind.String()}
)

// ParseRoute reads a route such as "GET PUT /items/{id}"; without a method it
// is for any. Whether the pattern is one, Check says.
func ParseRoute(s string) (message.Route, error) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return message.Route{}, errors.New(`a route is empty: want methods and a pattern, such as "GET PUT /items/{id}"`)
	}
	r := message.Route{Path: words[len(words)-1]}
	if len(words) > 1 {
		r.Methods = slices.Clip(words[:len(words)-1])
	}
	return r, nil
}

// routeText writes what ParseRoute reads.
func routeText(r message.Route) string {
	return strings.Join(append(slices.Clone(r.Methods), r.Path), " ")
}

// registration returns what all processes of v would say.
func (v *Version) registration(name string) message.Registration {
	r := message.Registration{Module: name, Version: v.Version, Protocol: v.Protocol, Requires: v.Requires}
	for _, p := range v.Provides {
		r.Provides = append(r.Provides, p.Interface)
	}
	for route := range v.routes() {
		r.Routes = append(r.Routes, route)
	}
	return r
}

// routes yields all routes of v, those of its interfaces included.
func (v *Version) routes() iter.Seq[message.Route] {
	return func(yield func(message.Route) bool) {
		for _, r := range v.Routes {
			if !yield(r) {
				return
			}
		}
		for _, p := range v.Provides {
			for _, r := range p.Routes {
				r.Interface = p.ID
				if !yield(r) {
					return
				}
			}
		}
	}
}

// spot returns where the route n of routes is below v's block.
func (v *Version) spot(n int) string {
	if n < len(v.Routes) {
		return element("routes", n)
	}
	n -= len(v.Routes)
	i := 0
	for ; n >= len(v.Provides[i].Routes); i++ {
		n -= len(v.Provides[i].Routes)
	}
	return "provides." + v.Provides[i].ID + "." + element("routes", n)
}

// element is what a problem calls one element of a setting that is a list.
func element(name string, i int) string { return name + "." + strconv.Itoa(i) }

// instanceID names the instance after its module, version and upstream, of
// which the latter two may have characters that an id may not.
func instanceID(name string, v module.Version, upstream string) string {
	sum := sha256.Sum256([]byte(v.String() + "\x00" + upstream))
	return name[:min(len(name), 48)] + "-" + hex.EncodeToString(sum[:6])
}
