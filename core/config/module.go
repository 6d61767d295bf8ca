package config

import (
	"fmt"
	"slices"

	"github.com/modgate/modgate/core/message"
)

// Module is what operators decide about a module (C1). Bounds of each field
// stand in Settings.
type Module struct {
	Name         string
	Defaults     // with what the module's block says instead
	Routing      Routing
	Callers      Callers
	Parking      ModuleParking   // A6; what the gateway's says where the block does not
	OnDelay      message.OnDelay // Reply: whatever the module says of itself; Park: what it says (A8)
	Policy       string          // unit of policies that is asked first; empty: the one under the module's name
	JoinSecret   Secret          // empty: the general one (I1)
	Paths        []string        // whose requests park before the module ever registered (G3)
	Update       Updating        // who says UPDATE for it (L4)
	Adapter      string          // that speaks its dialect; empty: the one under the module's name, if there is one
	Plugin       Plugin          // how that adapter is run
	RunHeader    string          // that it passes on by itself, and that stands for Modgate-Run; empty: none
	Replaces     []string        // modules whose routes go to it when it serves (V10)
	WebhookHosts []string        // hosts beside the upstream's that a webhook may name (3.4)
	Versions     []Version       // declared in full (C1), ascending; others may register beside them
}

// DefaultModule returns the module of which nothing is declared, in a gateway
// that is as by default.
func DefaultModule(name string, defaults Defaults) Module {
	return Module{Name: name, Defaults: defaults, Parking: DefaultGateway().Parking.ModuleParking, Plugin: DefaultPlugin()}
}

// Settings lists what the language sets of m, by name below its block.
func (m *Module) Settings() []Setting { return append(m.Defaults.Settings(), m.own()...) }

// own lists what only a module's block sets.
func (m *Module) own() []Setting {
	return slices.Concat([]Setting{
		{Name: "routing", Value: &m.Routing, Words: routingNames[:], Doc: "which version gets new requests: the highest that serves, or (not in this version) the highest serving one that satisfies the caller's own requirement (V1)"},
		{Name: "callers", Value: &m.Callers, Words: callersNames[:], Doc: "who may send it requests: anyone, or only modules, which bear a token (I1)"},
		{Name: "on_delay", Value: &m.OnDelay, Words: onDelayWords[:], Doc: "what happens to the module's own requests to a delayed one: what it said when it registered, or DELAY by reply in any case (A8)"},
	}, m.Parking.Settings(), []Setting{
		{Name: "policy", Value: &m.Policy, Doc: "unit of policies that is asked first; unset: the one under the module's name, if there is one"},
		{Name: "join_secret", Value: &m.JoinSecret, Min: minSecret, Max: maxSecret, Doc: "what it registers with; then the general secret does not do"},
		{Name: "paths", Value: &m.Paths, Doc: "patterns such as \"/items/{id}\" whose requests are parked while the module has never registered (G3)"},
		{Name: "update", Value: &m.Update, Words: updatingNames[:], Doc: "who says UPDATE: the module itself, or, of versions that are declared in full, the gateway, when a higher one turns healthy, or the first; then the adapter tells it, and its acknowledgement is RESUME (L4)"},
		{Name: "adapter", Value: &m.Adapter, Doc: "plugin that speaks its dialect: the file of that name and .wasm in the plugin folder; unset: the one under the module's name, if there is one"},
		{Name: "run_header", Value: &m.RunHeader, Doc: "a header that the module passes on by itself with the requests that it sends, such as \"X-Okapi-Request-Id\": it stands for Modgate-Run (L4, U11)"},
		{Name: "replaces", Value: &m.Replaces, Effect: Registering, Doc: "modules whose routes go to it when it first serves, where both have them; beside those that it names when it registers (V10)"},
		{Name: "webhook_hosts", Value: &m.WebhookHosts, Doc: "hosts beside the upstream's that its webhook may be at (3.4)"},
	}, m.Plugin.settings())
}

var onDelayWords = [...]string{message.Park.String(), message.Reply.String()}

// Routing says which version of a module gets new requests (V1). The zero
// value is Highest.
type Routing uint8

// The ways of routing.
const (
	Highest    Routing = iota
	Compatible         // not in this version: Check refuses it
)

var routingNames = [...]string{"highest", "compatible"}

func (r Routing) String() string { return routingNames[r] }

// MarshalText writes the language's word.
func (r Routing) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Routing) UnmarshalText(b []byte) error { return parseWord(r, routingNames[:], b) }

// Callers says who may send requests to a module (I1). The zero value is
// AnyCaller.
type Callers uint8

// The circles of callers.
const (
	AnyCaller Callers = iota
	Identified
)

var callersNames = [...]string{"any", "identified"}

func (c Callers) String() string { return callersNames[c] }

// MarshalText writes the language's word.
func (c Callers) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (c *Callers) UnmarshalText(b []byte) error { return parseWord(c, callersNames[:], b) }

// parseWord sets *w to the index of b in words.
func parseWord[W ~uint8](w *W, words []string, b []byte) error {
	for i, word := range words {
		if word == string(b) {
			*w = W(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %q", b, words)
}
