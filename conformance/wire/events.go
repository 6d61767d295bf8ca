package wire

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// Event is one of a stream of Server-Sent Events.
type Event struct {
	ID    string // the id: line, or the last one before it
	Name  string // event:
	Data  string // data:, lines joined
	Retry string // retry:, if it came with it
	At    time.Time
}

// Kind returns what a notice says (delay, missing, resume), or the event's
// own name.
func (e Event) Kind() string {
	if kind, is := strings.CutPrefix(e.Name, "dev.modgate."); is {
		return strings.TrimSuffix(kind, ".v1")
	}
	return e.Name
}

// Field returns a part of a notice: id, event or retry of the stream, a
// member of the CloudEvent by "ce.NAME", its subject, or a member of its data.
func (e Event) Field(name string) (value string, found bool) {
	switch name {
	case "id":
		return e.ID, e.ID != ""
	case "event":
		return e.Name, true
	case "retry":
		return e.Retry, e.Retry != ""
	case "subject":
		return JSON([]byte(e.Data), "subject")
	}
	if member, is := strings.CutPrefix(name, "ce."); is {
		return JSON([]byte(e.Data), member)
	}
	return JSON([]byte(e.Data), "data."+name)
}

func (e Event) String() string { return e.Name + " " + e.Data }

// ReadEvents reads events until the stream ends, and hands each to f. Comments
// are handed over as events named ":" with the comment as data.
func ReadEvents(r io.Reader, f func(Event)) error {
	lines := bufio.NewReader(r)
	var e Event
	var data []string
	some := false
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			if some {
				e.Data, e.At = strings.Join(data, "\n"), time.Now()
				f(e)
			}
			e, data, some = Event{ID: e.ID, Retry: e.Retry}, nil, false
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "":
			f(Event{Name: ":", Data: value, At: time.Now()})
		case "id":
			e.ID = value
		case "event":
			e.Name, some = value, true
		case "data":
			data, some = append(data, value), true
		case "retry":
			e.Retry = value
		}
	}
}

// NoticeID returns the id of the CloudEvent, which tells repetitions.
func (e Event) NoticeID() string {
	var ce struct{ ID string }
	if json.Unmarshal([]byte(e.Data), &ce) != nil {
		return ""
	}
	return ce.ID
}

// EventStream is the media type of a stream of events.
const EventStream = "text/event-stream"

// IsEventStream reports whether an answer is such a stream.
func IsEventStream(h http.Header) bool { return strings.HasPrefix(h.Get("Content-Type"), EventStream) }
