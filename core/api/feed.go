package api

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
)

// feedSize bounds what the feed remembers.
const feedSize = 4096

// Happening is an event that was applied to a module, as administrators
// follow it.
type Happening struct {
	ID       uint64    `json:"id"`
	Time     time.Time `json:"time"`
	Module   string    `json:"module"`
	Event    string    `json:"event"`
	Instance string    `json:"instance,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	Who      string    `json:"who,omitempty"` // of an override (O1), as is Why
	Why      string    `json:"why,omitempty"`
	Turn     uint64    `json:"turn"`
}

// Feed remembers the latest happenings and wakes who follows them. The zero
// value is empty.
//
// Ids rise, over restarts of the gateway too: the first is the time in
// microseconds.
type Feed struct {
	mu    sync.Mutex
	first uint64            // id of the first ever; guarded by mu, as below
	last  uint64            // id of the latest
	ring  []Happening       // ring[id % feedSize]
	turns map[string]uint64 // of the latest happening, by module
	more  chan struct{}     // closed by the next Observe; nil: nobody follows
}

// Observe enters an event that was applied. It does not block.
func (f *Feed) Observe(module string, ev lifecycle.Event, turn uint64) {
	h := Happening{Time: time.Now().UTC(), Module: module, Turn: turn}
	if !h.describe(ev) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, tick := ev.(lifecycle.Tick); tick && f.turns[module] == turn {
		return // it found nothing to change
	}
	if f.ring == nil {
		f.ring, f.turns = make([]Happening, feedSize), map[string]uint64{}
		f.last = uint64(h.Time.UnixMicro())
		f.first = f.last + 1
	}
	f.last++
	h.ID = f.last
	f.ring[h.ID%feedSize] = h
	f.turns[module] = turn
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// describe puts ev into words, and reports whether it is worth any.
func (h *Happening) describe(ev lifecycle.Event) bool {
	switch ev := ev.(type) {
	case lifecycle.Configured: // at every start and reload
		return false
	case lifecycle.Registered:
		h.Event, h.Instance, h.Detail = "registered", ev.Instance.ID, ev.Version.String()
	case lifecycle.Announced:
		h.Event, h.Instance, h.Detail = ev.Type.String(), ev.Instance, ev.Reason
	case lifecycle.Lost:
		h.Event, h.Instance, h.Detail = "lost", ev.Instance, ev.Reason.String()
	case lifecycle.Unreachable:
		h.Event, h.Instance = "unreachable", ev.Instance
	case lifecycle.Reachable:
		h.Event, h.Instance = "reachable", ev.Instance
	case lifecycle.Drained:
		h.Event, h.Instance = "drained", ev.Instance
	case lifecycle.Restarted:
		h.Event = "restarted"
	case lifecycle.Overridden:
		h.Event, h.Instance, h.Who, h.Why = "override", ev.Instance, ev.Who, ev.Why
		h.Detail = strings.TrimSpace(ev.Type.String() + " " + ev.Version.String())
	case lifecycle.Tick:
		h.Event = "deadline"
	default:
		h.Event = fmt.Sprintf("%T", ev) // a test holds that there is none
	}
	return true
}

// since returns what followed id, oldest first; whether some of it is
// forgotten; and what is closed when there is more.
func (f *Feed) since(id uint64) (out []Happening, gap bool, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldest := f.oldest()
	for i := max(id+1, oldest); i <= f.last; i++ {
		out = append(out, f.ring[i%feedSize])
	}
	if f.more == nil {
		f.more = make(chan struct{})
	}
	return out, id+1 < oldest, f.more
}

// oldest returns the id of the first happening that is remembered. The caller
// holds mu.
func (f *Feed) oldest() uint64 {
	if f.last < feedSize {
		return f.first
	}
	return max(f.first, f.last-feedSize+1)
}

// latest returns the id of the latest happening, 0 before there is one.
func (f *Feed) latest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// history returns what is remembered of one module, oldest first, never nil.
func (f *Feed) history(module string) []Happening {
	all, _, _ := f.since(0)
	out := []Happening{}
	for _, h := range all {
		if h.Module == module {
			out = append(out, h)
		}
	}
	return out
}
