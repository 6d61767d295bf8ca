package control

import (
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/core/requirement"
)

// What is asked and said by who speaks for instances that do not themselves.

// Place is where an instance stands.
type Place struct {
	Phase   message.Phase
	Away    message.Reason // why it is out
	Socket  bool           // out by refused connections only: a connect brings it back (L6)
	Held    bool           // it resumed, and serves when it may (V2, V6)
	Sick    bool           // its probes failed (L2)
	Refused bool           // its UPDATE was refused (U12)
	Barred  bool           // its version may not serve: below the floor, or above a promotion
	Floor   module.Version // of its module, as below
	Served  module.Version
	Grant   lifecycle.Grant
	Epoch   uint64
}

// Place returns where the instance stands, if it is there.
func (c *Control) Place(name, instance string) (Place, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.modules[name]
	if e == nil {
		return Place{}, false
	}
	r := e.record
	v, i := r.Find(instance)
	if i == nil {
		return Place{}, false
	}
	return Place{
		Phase: i.Phase, Away: i.Away, Socket: i.Socket, Held: i.Held, Sick: i.Sick, Refused: i.Refused,
		Barred: r.Barred(v.Version), Floor: r.Floor, Served: r.Served, Grant: r.Grant, Epoch: r.Epoch,
	}, true
}

// Lose takes an instance out that has left without a word (L2).
func (c *Control) Lose(name, instance string, why message.Reason) error {
	_, err := c.apply(name, lifecycle.Lost{Instance: instance, Reason: why})
	return err
}

// Heal says that the probes of an instance succeed, or that it has none (L2).
func (c *Control) Heal(name, instance string) error {
	_, err := c.apply(name, lifecycle.Healthy{Instance: instance})
	return err
}

// Granted returns the notice of the grant that the instance holds, if it
// holds one (U1).
func (c *Control) Granted(name, instance string) (message.Notice, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.modules[name]
	if e == nil {
		return message.Notice{}, false
	}
	v, i := e.record.Find(instance)
	if i == nil || i.Phase != message.Updating {
		return message.Notice{}, false
	}
	return requirement.Itself(c.now(), e.record, v, i)
}

// AbsenceMax is how long an absence of the module may last (A4).
func (c *Control) AbsenceMax(name string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.config.Module(name).AbsenceMax
}

// StartTTL is how long a version of the module may take to its first RESUME
// (V6).
func (c *Control) StartTTL(name string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.config.Module(name).StartTTL
}
