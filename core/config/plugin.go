package config

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/modgate/modgate/core/module"
)

// Plugin is how a module's adapter is run, if it has one: what it may use, and
// what becomes of its module's requests when it fails. Bounds of each field
// stand in Settings.
type Plugin struct {
	SHA256    string // of the file, in hexadecimal; another file is refused
	Config    string // handed to it as it is
	OnError   OnError
	Exclusive bool  // an instance works for one request at a time, from its beginning to the answer's end
	Memory    Bytes // of an instance
	Body      Bytes // of what it may read or write of one body
	Shared    Bytes // of what its instances may keep for each other; 0: nothing
	Budget    Budget
}

// Budget is how long one call into an adapter may take.
type Budget struct {
	Start     time.Duration // to begin, and to take its configuration
	Request   time.Duration // a request, and its answer
	Lifecycle time.Duration // a message of the lifecycle
	Probe     time.Duration // a probe, and its answer
}

// DefaultPlugin returns the defaults.
func DefaultPlugin() Plugin {
	return Plugin{
		Memory: 16 * MiB, Body: MiB,
		Budget: Budget{Start: 2 * time.Second, Request: 5 * time.Millisecond, Lifecycle: 50 * time.Millisecond, Probe: 5 * time.Millisecond},
	}
}

// settings lists what the language sets of p, below a module's block.
func (p *Plugin) settings() []Setting {
	return []Setting{
		{Name: "plugin.sha256", Value: &p.SHA256, Min: 64, Max: 64, Doc: "of the adapter's file, in hexadecimal: another file is refused"},
		{Name: "plugin.config", Value: &p.Config, Max: int64(MiB), Doc: "a text that is handed to the adapter, such as jsonencode({ tenant = \"diku\" })"},
		{Name: "plugin.on_error", Value: &p.OnError, Words: onErrorNames[:], Doc: "what happens when the adapter fails: its module's requests are answered 503 and messages are tried again, while probes do without it; nothing goes on without it; or everything does"},
		{Name: "plugin.exclusive", Value: &p.Exclusive, Doc: "whether an instance of the adapter works for one request at a time, for adapters that keep a request's state in variables"},
		{Name: "plugin.memory", Value: &p.Memory, Min: int64(64 * KiB), Max: int64(GiB), Doc: "of one instance of the adapter"},
		{Name: "plugin.body", Value: &p.Body, Min: int64(KiB), Max: int64(GiB), Doc: "of what it may read or write of one body; more is answered 413"},
		{Name: "plugin.shared", Value: &p.Shared, Max: int64(GiB), Doc: "of what its instances may keep for each other; 0: nothing"},
		{Name: "plugin.start_budget", Value: &p.Budget.Start, Min: ms, Max: minute, Doc: "work for an instance to begin: so much as takes that long on an idle machine, counted in instructions, so that a busy one fails no adapter"},
		{Name: "plugin.request_budget", Value: &p.Budget.Request, Min: ms, Max: minute, Doc: "likewise for a request, and again for its answer"},
		{Name: "plugin.lifecycle_budget", Value: &p.Budget.Lifecycle, Min: ms, Max: minute, Doc: "likewise for a message of the lifecycle"},
		{Name: "plugin.probe_budget", Value: &p.Budget.Probe, Min: ms, Max: minute, Doc: "likewise for a probe, and again for its answer"},
	}
}

// OnError says what happens when an adapter fails. The zero value is ByHook.
type OnError uint8

// The ways on.
const (
	ByHook OnError = iota // as Fail for traffic and messages, as Skip for probes
	Fail                  // nothing goes on without the adapter
	Skip                  // everything does
)

var onErrorNames = [...]string{"default", "fail", "skip"}

func (o OnError) String() string { return onErrorNames[o] }

// MarshalText writes the language's word.
func (o OnError) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *OnError) UnmarshalText(b []byte) error { return parseWord(o, onErrorNames[:], b) }

func (m *Module) checkPlugin(s scope) {
	if m.Adapter != "" && module.CheckName(m.Adapter) != nil {
		s.add("adapter", "Not an adapter", "%q names no file of the plugin folder: want its name without folder and without .wasm.", m.Adapter)
	}
	if _, err := hex.DecodeString(m.Plugin.SHA256); err != nil {
		s.add("plugin.sha256", "Not a hash", "want 64 hexadecimal digits in lower case, as sha256sum prints them.")
	}
}

// checkAdapters reports adapters that can be nowhere.
func (c *Config) checkAdapters(ps *problems) {
	if c.Gateway.Plugins != "" {
		return
	}
	for i := range c.Modules {
		if m := &c.Modules[i]; m.Adapter != "" {
			*ps = append(*ps, Problem{
				At: []string{"module." + m.Name + ".adapter", "gateway.plugins"}, Warning: true, Summary: "No plugin folder",
				Detail: fmt.Sprintf("adapter = %q is a file in the folder that gateway.plugins names, and it names none: requests to the module are answered 503.", m.Adapter),
			})
		}
	}
}
