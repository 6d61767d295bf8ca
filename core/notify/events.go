package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/modgate/modgate/core/message"
)

// events writes Server-Sent Events (WHATWG HTML, section 9.2). What is said
// is gathered, and leaves with flush.
type events struct {
	out     http.ResponseWriter
	control *http.ResponseController
	ended   func() error // why the stream has to end, or nil
	release func()       // gives the writer back to the caller of Stream
	buf     bytes.Buffer
	err     error // what could not be said
}

// newEvents returns a writer that is interrupted, even while it waits for its
// reader, when ctx ends.
func newEvents(ctx context.Context, w http.ResponseWriter) *events {
	e := &events{out: w, control: http.NewResponseController(w)}
	e.ended = func() error { return context.Cause(ctx) }
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		e.limit(time.Unix(1, 0))
	})
	e.release = func() {
		if !stop() {
			<-interrupted
		}
		e.limit(time.Time{})
	}
	return e
}

// limit bounds what is written from now on, and what is being written.
func (e *events) limit(t time.Time) {
	_ = e.control.SetWriteDeadline(t) // a writer without deadlines has no slow reader
}

// hello tells the reader how many milliseconds to wait before it connects
// again.
func (e *events) hello() { e.buf.WriteString("retry: 1000\n\n") }

func (e *events) comment() { e.buf.WriteString(": \n\n") }

// synced ends a snapshot. Without data a browser would drop the event.
func (e *events) synced(number uint64) {
	fmt.Fprintf(&e.buf, "id: %d\nevent: synced\ndata: {}\n\n", number)
}

// notice says n, under its number if that is not 0. What is left of a DELAY
// is counted from now, however long the notice has waited.
func (e *events) notice(number uint64, n message.Notice) {
	if !n.Until.IsZero() {
		n.Data.TTL = message.Duration(max(0, time.Until(n.Until)))
	}
	data, err := json.Marshal(n)
	if err != nil {
		e.err = err
	}
	if number != 0 {
		fmt.Fprintf(&e.buf, "id: %d\n", number)
	}
	fmt.Fprintf(&e.buf, "event: %s\ndata: %s\n\n", n.Kind.Type(), data)
}

// flush sends what was said, and returns when the reader's side has taken it.
func (e *events) flush() error {
	if e.err != nil {
		return e.err
	}
	e.limit(time.Now().Add(writeLimit))
	if err := e.ended(); err != nil { // else this limit could undo the interruption
		return err
	}
	_, err := e.buf.WriteTo(e.out)
	if err == nil {
		err = e.control.Flush()
	}
	if ended := e.ended(); err != nil && ended != nil {
		return ended
	}
	return err
}
