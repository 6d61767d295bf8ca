// Package config is the declared world as plain values: what operators decide
// about the gateway, the modules and the processes (C1).
//
// It decides the settings, their names, defaults and bounds, and whether
// values fit together. It never reads anything: package hcl does, and whoever
// makes a Config by hand calls Check.
package config

import (
	"slices"
	"strings"
)

// Config is one whole configuration. It is read by many and changed by none:
// a reload makes another.
type Config struct {
	Gateway   Gateway
	Defaults  Defaults
	Modules   []Module  // sorted by name
	Processes []Process // sorted by name
	Sinks     []Sink    // of alerts, beside the log; sorted by name
	Sensitive []string  // paths of settings, as in Change.At, whose values are not to be shown; sorted
}

// Default returns the configuration in which nothing was declared.
func Default() Config {
	return Config{Gateway: DefaultGateway(), Defaults: DefaultDefaults()}
}

// Module returns what is declared of the module, or, of one that no file
// names, the defaults.
func (c *Config) Module(name string) Module {
	if i, ok := c.find(name); ok {
		return c.Modules[i]
	}
	return c.Undeclared(name)
}

func (c *Config) find(name string) (i int, ok bool) {
	return slices.BinarySearchFunc(c.Modules, name, func(m Module, name string) int { return strings.Compare(m.Name, name) })
}

// Undeclared returns what holds for a module of which nothing is declared.
func (c *Config) Undeclared(name string) Module {
	m := DefaultModule(name, c.Defaults)
	m.Parking = c.Gateway.Parking.ModuleParking
	return m
}

// Process returns the process of that name, if it is declared.
func (c *Config) Process(name string) (Process, bool) {
	i, ok := slices.BinarySearchFunc(c.Processes, name, func(p Process, name string) int {
		return strings.Compare(p.Name, name)
	})
	if !ok {
		return Process{}, false
	}
	return c.Processes[i], true
}
