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
// do not serve.
func (c *Control) reckon(e *entry, now time.Time) (over []string) {
	for _, other := range c.modules {
		serving := other.record.Serving()
		for i := range other.record.Versions {
			v := &other.record.Versions[i]
			if other != e && !c.view.Concerns(v.Requires, e.name) {
				continue
			}
			for _, q := range v.Requires {
				key := fmt.Sprintf("requirement/%s@%s/%s", other.name, v.Version, q.ID)
				res := c.view.Resolve(q)
				known := c.incidents[key]
				switch unmet := v == serving && !q.Optional && res.State != message.Met; {
				case unmet && known == nil:
					c.incidents[key] = &incident{other.name, now, fmt.Sprintf("%s %s requires %s %s: %s", other.name, v.Version, q.ID, q.Range, res.State), false}
				case !unmet && known != nil:
					delete(c.incidents, key)
					if known.raised {
						over = append(over, key)
					}
				}
			}
		}
	}
	return over
}

// unresolved raises the incidents that have lasted for the configured time,
// and returns when the next one will have.
func (c *Control) unresolved(now time.Time) (next time.Time) {
	raise := map[string]*incident{}
	c.mu.Lock()
	limit := c.config.Gateway.Alerts.Unresolved
	for key, i := range c.incidents {
		at := i.since.Add(limit)
		switch {
		case i.raised || limit == 0:
		case !now.Before(at):
			i.raised = true
			raise[key] = i
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	c.mu.Unlock()
	for key, i := range raise {
		c.o.Raise(i.module, lifecycle.Alert{Key: key, Summary: i.summary})
	}
	return next
}
