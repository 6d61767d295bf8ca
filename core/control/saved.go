package control

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/store"
)

// saved is a record as it stands in the store.
type saved struct {
	envelope
	lifecycle.Record

	stored stored
}

// envelope is what stands around a record.
type envelope struct {
	Saved   time.Time   `json:"saved"`
	Started time.Time   `json:"started"` // of the process that saved it: its clock
	Trail   []Happening `json:"trail,omitempty"`
}

// stored is what is known of a module's place in the store.
type stored struct {
	revision store.Revision
	record   string // its JSON form
}

// records reads all records, by module.
func (c *Control) records() ([]saved, error) {
	entries, err := c.o.Store.Load(recordSpace)
	if err != nil {
		return nil, fmt.Errorf("load modules: %w", err)
	}
	records := make([]saved, len(entries))
	for i, entry := range entries {
		s := &records[i]
		if err := json.Unmarshal(entry.Value, s); err != nil {
			return nil, fmt.Errorf("load module %s: %w", entry.Key, err)
		}
		text, err := json.Marshal(s.Record)
		if err != nil {
			return nil, fmt.Errorf("load module %s: %w", entry.Key, err)
		}
		s.Module, s.stored = entry.Key, stored{entry.Revision, string(text)}
	}
	return records, nil
}

// behind returns how far the clock is behind the last save of each process
// that saved records, by its start (G7). That of another process says nothing
// about a record: a start that failed half-way has set some of them back.
func (c *Control) behind(records []saved) map[time.Time]time.Duration {
	d := map[time.Time]time.Duration{}
	for _, r := range records {
		d[r.Started] = max(d[r.Started], r.Saved.Sub(c.started))
	}
	return d
}

// save writes the record of that JSON form, with history in its trail, unless
// it is what is stored.
func (c *Control) save(e *entry, text string, history []Happening) error {
	if text == e.stored.record {
		return nil
	}
	trail := remember(e.trail, history)
	around, err := json.Marshal(envelope{Saved: c.now().Round(0).UTC(), Started: c.started.Round(0).UTC(), Trail: trail})
	if err != nil {
		return err
	}
	revision, err := c.o.Store.Swap(recordSpace, e.name, merged(around, text), e.stored.revision)
	if err != nil {
		return err
	}
	e.stored = stored{revision, text}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.trail = trail
	return nil
}

// merged returns a JSON object with the members of both, neither of which is
// empty.
func merged(a []byte, b string) []byte {
	return append(append(a[:len(a)-1], ','), b[1:]...)
}

// reload reads the record that another gateway wrote.
func (c *Control) reload(e *entry) error {
	records, err := c.records()
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Module == e.name {
			e.stored = r.stored
			c.mu.Lock()
			e.trail = r.Trail
			c.mu.Unlock()
			s := &step{e: e, next: r.Record, effects: []lifecycle.Effect{lifecycle.Publish{}, lifecycle.Release{Turn: r.Turn}}}
			s.watched = c.watched(&s.next, c.now())
			c.perform([]*step{s})
			return nil
		}
	}
	return fmt.Errorf("record of module %s vanished from the store", e.name)
}
