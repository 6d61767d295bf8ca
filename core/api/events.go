package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	heartbeat  = 15 * time.Second // between comments
	writeLimit = 15 * time.Second // after which a reader that takes nothing is given up
)

// events answers GET /v1/admin/events: every happening as it comes, after
// Last-Event-ID, or from now on. An event "gap" says that what was between is
// forgotten.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	if !beginStream(w, r) {
		return
	}
	latest := s.Feed.latest()
	at, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil || at > latest {
		at = latest
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	out := follower{w: w, control: http.NewResponseController(w), at: at}
	out.buf.WriteString("retry: 1000\n\n")
	for {
		happenings, gap, more := s.Feed.since(out.at)
		if out.tell(happenings, gap) != nil {
			return
		}
		select {
		case <-more:
		case <-beat.C:
			out.buf.WriteString(": \n\n")
		case <-r.Context().Done():
			return
		}
	}
}

// follower is a stream of happenings and how far it got.
type follower struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     bytes.Buffer
	at      uint64 // id of the latest that was told
}

// tell sends what is new, and what was put into the buffer before. The error
// is that the reader is gone, or takes nothing.
func (f *follower) tell(happenings []happening, gap bool) error {
	if gap && f.at != 0 {
		f.buf.WriteString("event: gap\ndata: {}\n\n")
	}
	for _, h := range happenings {
		data, _ := json.Marshal(h) // texts and numbers: cannot fail
		fmt.Fprintf(&f.buf, "id: %d\nevent: %s\ndata: %s\n\n", h.ID, h.Event, data)
		f.at = h.ID
	}
	_ = f.control.SetWriteDeadline(time.Now().Add(writeLimit)) // a writer without deadlines has no slow reader
	if _, err := f.buf.WriteTo(f.w); err != nil {
		return err
	}
	return f.control.Flush()
}

// history answers GET /v1/admin/modules/{module}/history with the latest that
// happened to one module, over restarts of the gateway too.
func (s *server) history(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("module")
	events, known := s.Control.History(name)
	if !known {
		noModule(w, name)
		return
	}
	write(w, http.StatusOK, map[string]any{"module": name, "events": events})
}
