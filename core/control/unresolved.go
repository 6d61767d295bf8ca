package control

import (
	"fmt"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// incident is a requirement that is unmet (D5).
type incident struct {
	module  string // that requires
	since   time.Time
	summary string
	raised  bool
}

// reckon notes which requirements became unmet or met, after e's module
// changed, and returns the keys of incidents that are over. The caller holds
// mu. Optional requirements never alert (D3); nor do those of versions that
// neither serve nor may come to.
func (c *Control) reckon(e *entry, now time.Time) (over []string) {
	theirs := map[string]bool{} // keys of e's own requirements, as they are now
	for _, name := range c.view.Affected(e.name) {
		other := c.modules[name]
		for i := range other.record.Versions {
			v := &other.record.Versions[i]
			for _, q := range v.Requires {
				if other != e && !c.view.Offers(e.name, q.ID) {
					continue
				}
				res := c.view.Resolve(q)
				unmet := v.Coming() && !q.Optional && res.State != message.Met
				if !unmet && len(c.incidents) == 0 {
					continue // nothing begins or ends: a start has a thousand of these
				}
				key := "requirement/" + other.name + "@" + v.Version.String() + "/" + q.ID
				theirs[key] = true
				if unmet {
					c.unmetSince(key, now, other.name, fmt.Sprintf("%s %s requires %s %s: %s", other.name, v.Version, q.ID, q.Range, res.State))
				} else {
					over = c.settle(over, key)
				}
			}
		}
	}
	for key, i := range c.incidents {
		if i.module == e.name && !theirs[key] { // its version is forgotten, or requires it no longer
			over = c.settle(over, key)
		}
	}
	return over
}

// unmetSince notes an unmet requirement that was met before.
func (c *Control) unmetSince(key string, now time.Time, module, summary string) {
	if c.incidents[key] == nil {
		c.incidents[key] = &incident{module, now, summary, false}
	}
}

// settle ends the incident, if it is one, and adds its key to over if it was
// raised.
func (c *Control) settle(over []string, key string) []string {
	if i := c.incidents[key]; i != nil {
		delete(c.incidents, key)
		if i.raised {
			over = append(over, key)
		}
	}
	return over
}

// unresolved raises the incidents that have lasted for the configured time,
// and returns when the next one will have.
func (c *Control) unresolved(now time.Time) (next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := c.config.Gateway.Alerts.Unresolved
	for key, i := range c.incidents {
		at := i.since.Add(limit)
		switch {
		case i.raised || limit == 0:
		case !now.Before(at):
			i.raised = true
			c.o.Raise(i.module, lifecycle.Alert{Key: key, Summary: i.summary}) // under mu, or its end could come first
		default:
			next = sooner(next, at)
		}
	}
	return next
}
