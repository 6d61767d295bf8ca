package control

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// debt is what an instance is owed and was not told (N1): for a moment, while
// it has a stream open. It does not outlive a restart.
type debt struct {
	since  map[string]time.Time // by subject; empty only under mu
	raised bool
}

// owe notes what instances are owed. Only who can be told by a stream alone
// counts: of a webhook who serves it alerts, and for whom the gateway itself
// speaks there is nobody to tell. The caller holds mu.
func (c *Control) owe(due []message.Notice, now time.Time) {
	for _, n := range due {
		if !c.instances[n.Receiver].streamed {
			continue
		}
		d := c.debts[n.Receiver]
		if d == nil {
			d = &debt{since: map[string]time.Time{}}
			c.debts[n.Receiver] = d
		}
		if _, known := d.since[n.Subject]; !known {
			d.since[n.Subject] = now
		}
	}
}

// forgive takes out of the debts what is not owed any more now that e's module
// changed, and returns the keys of incidents that are over. The caller holds
// mu.
func (c *Control) forgive(e *entry) (over []string) {
	for id, d := range c.debts {
		if c.touches(e, id, d) {
			over = c.strike(over, id)
		}
	}
	return over
}

// touches reports whether d, of that instance, may be less now that e's
// module changed.
func (c *Control) touches(e *entry, id string, d *debt) bool {
	p := c.instances[id]
	if p == nil || p.module == e.name {
		return true
	}
	for subject := range d.since {
		if c.view.Touches(e.name, subject, p.told) {
			return true
		}
	}
	return false
}

// strike takes out what the instance is not owed any more. If nothing is
// left of a debt that was raised, its key is added to over.
func (c *Control) strike(over []string, id string) []string {
	d := c.debts[id]
	owed := c.owed(id)
	maps.DeleteFunc(d.since, func(subject string, _ time.Time) bool {
		return !slices.ContainsFunc(owed, func(n message.Notice) bool { return n.Subject == subject })
	})
	if len(d.since) > 0 {
		return over
	}
	delete(c.debts, id)
	if d.raised {
		over = append(over, debtKey(id))
	}
	return over
}

// pay notes that the instance was told about the subject. What it is owed
// about that since is owed from now on. The caller holds mu.
func (c *Control) pay(id, subject string, now time.Time) (over []string) {
	d := c.debts[id]
	if d == nil {
		return nil
	}
	if _, owed := d.since[subject]; owed {
		d.since[subject] = now
	}
	return c.strike(nil, id)
}

// overdue alerts of who has been owed a notice for too long, and returns when
// the next one will have been, zero for never.
func (c *Control) overdue(now time.Time) (next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, d := range c.debts {
		first := slices.MinFunc(slices.Collect(maps.Values(d.since)), time.Time.Compare)
		switch at := first.Add(message.NoticeOverdue); {
		case d.raised:
		case now.Before(at):
			next = sooner(next, at)
		default:
			d.raised = true
			name := c.instances[id].module
			c.o.Raise(name, lifecycle.Alert{Key: debtKey(id), Summary: fmt.Sprintf( // under mu, or its end could come first
				"instance %s of %s has not been told for %.0f minutes what it is owed, about %s: it has no stream of notices open, and no webhook",
				id, name, message.NoticeOverdue.Minutes(), strings.Join(slices.Sorted(maps.Keys(d.since)), ", "))})
		}
	}
	return next
}

func debtKey(id string) string { return "notices/" + id }
