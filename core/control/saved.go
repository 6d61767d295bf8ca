package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/store"
)

// saved is a record as it stands in the store.
type saved struct {
	stamp
	lifecycle.Record
	Trail trail `json:"trail,omitempty"`

	entry  store.Entry
	stored stored
	err    error // it cannot be read
}

// stamp says when a record was saved.
type stamp struct {
	Saved   time.Time `json:"saved"`
	Started time.Time `json:"started"` // of the process that saved it: its clock
}

// stored is what is known of a module's place in the store.
type stored struct {
	revision store.Revision
	record   string // its JSON form
}

// records reads all records, by module.
func (c *Control) records() ([]*saved, error) {
	entries, err := c.o.Store.Load(recordSpace)
	if err != nil {
		return nil, fmt.Errorf("load modules: %w", err)
	}
	records := make([]*saved, len(entries))
	for i, entry := range entries {
		records[i] = &saved{entry: entry}
	}
	together(records, (*saved).read)
	var errs []error
	for _, s := range records {
		errs = append(errs, s.err)
	}
	return records, errors.Join(errs...)
}

// read reads the record out of its entry.
func (s *saved) read() {
	err := json.Unmarshal(s.entry.Value, s)
	if err == nil {
		var text []byte
		text, err = json.Marshal(s.Record)
		s.Module, s.stored = s.entry.Key, stored{s.entry.Revision, string(text)}
	}
	if err != nil {
		s.err = fmt.Errorf("load module %s: %w", s.entry.Key, err)
	}
}

// behind returns how far the clock is behind the last save of each process
// that saved records, by its start (G7). That of another process says nothing
// about a record: a start that failed half-way has set some of them back.
func (c *Control) behind(records []*saved) map[time.Time]time.Duration {
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
	t, err := e.trail.with(history)
	if err != nil {
		return err
	}
	value, err := encode(stamp{Saved: c.now().Round(0).UTC(), Started: c.started.Round(0).UTC()}, text, t)
	if err != nil {
		return err
	}
	revision, err := c.o.Store.Swap(recordSpace, e.name, value, e.stored.revision)
	if err != nil {
		return err
	}
	e.stored = stored{revision, text}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.trail = t
	return nil
}

// encode returns what saved is read from, the record and the trail being in
// their JSON forms already.
func encode(s stamp, record string, t trail) ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	b = append(b[:len(b)-1], ',')
	b = append(b, record[1:len(record)-1]...)
	for i, h := range t {
		b = append(b, [...]string{`,"trail":[`, ","}[min(i, 1)]...)
		b = append(b, h...)
	}
	if t != nil {
		b = append(b, ']')
	}
	return append(b, '}'), nil
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
