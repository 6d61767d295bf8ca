package config

import (
	"time"
)

// Adapter is how a module's adapter is run, if it has one: what it may use,
// and what becomes of its module's requests when it fails. Bounds of each
// field stand in Settings.
type Adapter struct {
	Name      string // its file in the plugin folder, without .wasm; empty: the module's name, if there is such a file
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

// DefaultAdapter returns the defaults.
func DefaultAdapter() Adapter {
	return Adapter{
		Memory: 16 * MiB, Body: MiB,
		Budget: Budget{Start: 2 * time.Second, Request: 5 * time.Millisecond, Lifecycle: 50 * time.Millisecond, Probe: 5 * time.Millisecond},
	}
}

// settings lists what the language sets of a, below a module's block.
func (a *Adapter) settings() []Setting {
	return []Setting{
		{Name: "adapter", Value: &a.Name, Doc: "the file in the plugin folder, without .wasm, that adapts the module; unset: the one under the module's name, if there is one"},
		{Name: "plugin.sha256", Value: &a.SHA256, Min: 64, Max: 64, Doc: "of the adapter's file, in hexadecimal: another file is refused"},
		{Name: "plugin.config", Value: &a.Config, Max: int64(MiB), Doc: "a text that is handed to the adapter, such as jsonencode({ tenant = \"diku\" })"},
		{Name: "plugin.on_error", Value: &a.OnError, Words: onErrorNames[:], Doc: "what happens when the adapter fails: its module's requests are answered 503 and messages are tried again, while probes do without it; nothing goes on without it; or everything does"},
		{Name: "plugin.exclusive", Value: &a.Exclusive, Doc: "whether an instance of the adapter works for one request at a time, for adapters that keep a request's state in variables"},
		{Name: "plugin.memory", Value: &a.Memory, Min: int64(64 * KiB), Max: int64(GiB), Doc: "of one instance of the adapter"},
		{Name: "plugin.body", Value: &a.Body, Min: int64(KiB), Max: int64(GiB), Doc: "of what it may read or write of one body; more is answered 413"},
		{Name: "plugin.shared", Value: &a.Shared, Max: int64(GiB), Doc: "of what its instances may keep for each other; 0: nothing"},
		{Name: "plugin.budget.start", Value: &a.Budget.Start, Min: ms, Max: minute, Doc: "time for an instance to begin"},
		{Name: "plugin.budget.request", Value: &a.Budget.Request, Min: ms, Max: minute, Doc: "time for a request, and again for its answer"},
		{Name: "plugin.budget.lifecycle", Value: &a.Budget.Lifecycle, Min: ms, Max: minute, Doc: "time for a message of the lifecycle"},
		{Name: "plugin.budget.probe", Value: &a.Budget.Probe, Min: ms, Max: minute, Doc: "time for a probe, and again for its answer"},
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
