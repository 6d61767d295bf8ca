package adapter

import (
	"maps"
	"sync/atomic"
)

// Slot is where a module's adapter is found. It lives as long as anybody knows
// the module, and what is in it can be replaced at any time: who began a hook
// ends it with the adapter with which it began. The zero value, and a nil
// Slot, are empty.
type Slot struct{ p atomic.Pointer[Adapter] }

// Load returns the adapter, or nil: then nothing stands in a request's way.
func (s *Slot) Load() Adapter {
	if s == nil {
		return nil
	}
	if p := s.p.Load(); p != nil {
		return *p
	}
	return nil
}

// Adapter returns the adapter, None where there is none.
func (s *Slot) Adapter() Adapter {
	if a := s.Load(); a != nil {
		return a
	}
	return None{}
}

// Store puts a in force; nil empties the slot.
func (s *Slot) Store(a Adapter) {
	if a == nil {
		s.p.Store(nil)
		return
	}
	s.p.Store(&a)
}

// Slots are the slots of all modules, by name. The zero value is ready.
type Slots struct {
	all atomic.Pointer[map[string]*Slot]
}

// Of returns the module's slot, always the same one; nil of nil Slots.
func (s *Slots) Of(module string) *Slot {
	if s == nil {
		return nil
	}
	for {
		now := s.all.Load()
		if now != nil {
			if slot := (*now)[module]; slot != nil {
				return slot
			}
		}
		next := map[string]*Slot{}
		if now != nil {
			maps.Copy(next, *now)
		}
		slot := &Slot{}
		next[module] = slot
		if s.all.CompareAndSwap(now, &next) {
			return slot
		}
	}
}
