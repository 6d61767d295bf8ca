package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/requirement"
	"github.com/modgate/modgate/core/route"
)

func (c *Control) loadCursors() (map[string]requirement.Cursor, error) {
	stored, err := c.o.Store.Load(cursorSpace)
	if err != nil {
		return nil, fmt.Errorf("load cursors: %w", err)
	}
	cursors := map[string]requirement.Cursor{}
	for _, s := range stored {
		told := requirement.Cursor{}
		if err := json.Unmarshal(s.Value, &told); err != nil {
			return nil, fmt.Errorf("load cursor of %s: %w", s.Key, err)
		}
		cursors[s.Key], c.cursors[s.Key] = told, s.Revision
	}
	return cursors, nil
}

// adopt gives the instances the cursors that they had before a restart.
func (c *Control) adopt(cursors map[string]requirement.Cursor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, p := range c.instances {
		if p.told = cursors[id]; p.told == nil {
			p.told = requirement.Cursor{}
		}
	}
	for id := range cursors {
		if c.instances[id] == nil {
			c.queue.mark(id)
		}
	}
}

// due returns what every instance is owed now that e's module changed. The
// caller holds mu.
func (c *Control) due(e *entry, now time.Time) []message.Notice {
	var due []message.Notice
	for _, name := range c.view.Affected(e.name) {
		other := c.modules[name]
		for i := range other.record.Versions {
			v := &other.record.Versions[i]
			for j := range v.Instances {
				if p := c.instances[v.Instances[j].ID]; p != nil && p.told != nil {
					due = append(due, c.view.Due(now, e.name, other.record, v, &v.Instances[j], p.told)...)
				}
			}
		}
	}
	return due
}

// once leaves out notices of what another one tells: of several modules that
// changed together each may be the reason for it.
func once(due []message.Notice) []message.Notice {
	type about struct{ receiver, subject string }
	told := make(map[about]bool, len(due))
	return slices.DeleteFunc(due, func(n message.Notice) bool {
		a := about{n.Receiver, n.Subject}
		if told[a] {
			return true
		}
		told[a] = true
		return false
	})
}

// tellAll hands out what everyone is owed after a start: what happened before
// a crash and was not told (N1).
func (c *Control) tellAll() {
	var due []message.Notice
	c.mu.Lock()
	for id := range c.instances {
		due = append(due, c.owed(id)...)
	}
	c.owe(due, c.now())
	c.mu.Unlock()
	for _, n := range due {
		c.o.Tell(n)
	}
}

// Standing returns what is not met for the instance now: the snapshot with
// which its stream begins (3.4).
func (c *Control) Standing(instance string) []message.Notice {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.instances[instance]
	if p == nil {
		return nil
	}
	r := c.modules[p.module].record
	v, in := r.Find(instance)
	if in == nil {
		return nil
	}
	return c.view.Standing(c.now(), r, v, in)
}

// Told records that n was written to its receiver's open stream, or taken by
// its webhook (N1). It is saved soon after; what a crash makes forgotten is
// told again. What has changed since n was true was not owed while n was not
// told, and may be now.
func (c *Control) Told(n message.Notice) {
	var since []message.Notice
	var over []string
	c.mu.Lock()
	if p := c.instances[n.Receiver]; p != nil && p.told != nil && p.told.Note(n) {
		c.queue.mark(n.Receiver)
		for _, m := range c.owed(n.Receiver) {
			if m.Subject == n.Subject {
				since = append(since, m)
			}
		}
		over = c.pay(n.Receiver, n.Subject, c.now())
	}
	c.mu.Unlock()
	for _, key := range over {
		c.o.Resolve(key)
	}
	for _, m := range since {
		c.o.Tell(m)
	}
}

// owed returns what the instance must be told now. The caller holds mu.
func (c *Control) owed(instance string) []message.Notice {
	p := c.instances[instance]
	if p == nil || p.told == nil {
		return nil
	}
	r := c.modules[p.module].record
	v, in := r.Find(instance)
	if in == nil {
		return nil
	}
	return c.view.Due(c.now(), p.module, r, v, in, p.told)
}

// saveCursor stores what the instance was last told, or forgets it with the
// instance.
func (c *Control) saveCursor(id string) error {
	c.mu.Lock()
	var data []byte
	var err error
	if p := c.instances[id]; p != nil {
		data, err = json.Marshal(p.told)
	}
	expect := c.cursors[id]
	c.mu.Unlock()
	if err != nil || data == nil && expect == 0 {
		return err
	}
	revision, err := c.o.Store.Swap(cursorSpace, id, data, expect)
	if err != nil {
		return fmt.Errorf("save cursor of %s: %w", id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cursors[id] = revision; data == nil {
		delete(c.cursors, id)
	}
	return nil
}

// inform gives every caller its own unmet requirements on the steps' modules,
// and their instances theirs on all (D3). The caller holds mu.
func (c *Control) inform(steps []*step) {
	affected := map[string]bool{}
	for _, s := range steps {
		for _, name := range c.view.Affected(s.e.name) {
			affected[name] = true
		}
	}
	for name := range affected {
		other := c.modules[name]
		for i := range other.record.Versions {
			v := &other.record.Versions[i]
			unmet := c.unmet(v)
			for _, in := range v.Instances {
				if p := c.instances[in.ID]; p != nil {
					p.caller.SetUnmet(unmet)
				}
			}
		}
	}
}

// unmet lists what the modules do not meet of v's requirements (D3).
func (c *Control) unmet(v *lifecycle.Version) map[*route.Module][]route.Unmet {
	var out map[*route.Module][]route.Unmet
	for _, u := range c.view.Unmet(v.Requires) {
		m := c.modules[u.Module]
		if m == nil {
			continue
		}
		if out == nil {
			out = map[*route.Module][]route.Unmet{}
		}
		r := route.Unmet{Interface: u.Requirement.ID, State: u.State, Range: u.Requirement.Range, Found: u.Found, Until: c.until(u.Until)}
		if u.Requirement.ID == u.Module {
			r.Interface = ""
		}
		out[m.route] = append(out[m.route], r)
	}
	return out
}
