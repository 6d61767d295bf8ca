package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
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
	Turn     uint64    `json:"turn"`
}

// Feed remembers the latest happenings and wakes who follows them. The zero
// value is empty.
type Feed struct {
	mu   sync.Mutex
	last uint64        // id of the latest; guarded by mu
	ring []Happening   // ring[id % feedSize]; guarded by mu
	more chan struct{} // closed by the next Observe; guarded by mu
}

// Observe enters an event. It does not block.
func (f *Feed) Observe(module string, ev lifecycle.Event, turn uint64) {
	h := Happening{Time: time.Now().UTC(), Module: module, Turn: turn}
	if !describe(&h, ev) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		f.ring = make([]Happening, feedSize)
	}
	f.last++
	h.ID = f.last
	f.ring[h.ID%feedSize] = h
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// describe puts ev into words, and reports whether it is worth any.
func describe(h *Happening, ev lifecycle.Event) bool {
	switch ev := ev.(type) {
	case lifecycle.Configured:
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
		h.Event = "gateway restarted"
	case lifecycle.Tick:
		h.Event = "deadline"
	default:
		h.Event = fmt.Sprintf("%T", ev)
	}
	return true
}

// since returns what followed id, oldest first, and what is closed when
// there is more.
func (f *Feed) since(id uint64, module string) (out []Happening, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := id + 1
	if f.last >= feedSize {
		first = max(first, f.last-feedSize+1)
	}
	for i := first; i <= f.last; i++ {
		if h := f.ring[i%feedSize]; module == "" || h.Module == module {
			out = append(out, h)
		}
	}
	if f.more == nil {
		f.more = make(chan struct{})
	}
	return out, f.more
}

// events answers GET /v1/admin/events: every happening as it comes, after
// Last-Event-ID, or from now on.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	id, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		id = s.Feed.latest()
	}
	for {
		happenings, more := s.Feed.since(id, "")
		for _, h := range happenings {
			data, _ := json.Marshal(h)
			if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", h.ID, h.Event, data); err != nil {
				return
			}
			id = h.ID
		}
		if flush.Flush() != nil {
			return
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}

func (f *Feed) latest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// history answers GET /v1/admin/modules/{module}/history with the latest
// happenings of one module.
func (s *server) history(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("module")
	if _, known := s.Control.Overview(name); !known {
		noModule(w, name)
		return
	}
	happenings, _ := s.Feed.since(0, name)
	if happenings == nil {
		happenings = []Happening{}
	}
	write(w, http.StatusOK, map[string]any{"module": name, "events": happenings})
}

func noModule(w http.ResponseWriter, name string) {
	fail(w, http.StatusNotFound, message.Problem{Type: message.ProblemUnknown, Title: "Unknown module", Detail: "no module " + strconv.Quote(name) + " is registered or configured", Module: name})
}
