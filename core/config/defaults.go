package config

// Defaults are what operators decide about modules that say nothing of their
// own.
type Defaults struct {
	Lifecycle
	Probe Probe
}

// DefaultDefaults returns what holds where nothing is declared.
func DefaultDefaults() Defaults {
	return Defaults{Lifecycle: DefaultLifecycle(), Probe: DefaultProbe()}
}

// Settings lists what the language sets of d, by name below "defaults" or a
// module's block.
func (d *Defaults) Settings() []Setting { return append(d.Lifecycle.Settings(), d.Probe.Settings()...) }

func (d *Defaults) check(s scope) {
	d.Lifecycle.check(s)
	d.Probe.check(s)
}
