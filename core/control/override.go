package control

import (
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// Override applies what an administrator decided about the module, and returns
// the module as it stands then (O1). The errors are *InvalidError,
// lifecycle.ErrUnknownModule, *lifecycle.OverrideError, *ConflictError if
// another module has the routes that would come back (V9), or that the record
// could not be saved.
func (c *Control) Override(name string, o message.Override) (Overview, error) {
	if faults := o.Check(); faults != nil {
		return Overview{}, &InvalidError{faults}
	}
	yield, err := c.restores(name, o)
	if err == nil {
		err = c.yielded(name, yield)
	}
	if err != nil {
		return Overview{}, err
	}
	if _, err := c.apply(name, lifecycle.Overridden{Override: o}); err != nil {
		return Overview{}, err
	}
	if c.configured(name) { // of a module that was dropped: its absence begins anew (A7)
		if _, err := c.apply(name, lifecycle.Configured{Since: c.now()}); err != nil {
			return Overview{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.overview(c.modules[name], c.now()), nil
}

// restores refuses an override that lets a version serve while another module
// has its routes (V9), and returns who has to yield first (V10).
func (c *Control) restores(name string, o message.Override) (yield []string, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.modules[name]
	if e == nil {
		return nil, lifecycle.ErrUnknownModule
	}
	v := e.record.Owner()
	switch o.Type {
	case message.Promote:
		v = e.record.Version(o.Version)
	case message.ForceResume, message.Lift:
	case message.Grant, message.Refuse, message.LowerFloor, message.ForceMissing, message.Drop:
		return nil, nil
	}
	if v == nil {
		return nil, nil
	}
	return c.room(name, v.Routes, nil)
}

// configured reports whether the configuration names the module.
func (c *Control) configured(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.config.Modules {
		if m.Name == name {
			return true
		}
	}
	return false
}
