package play

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/modgate/modgate/conformance/script"
	"github.com/modgate/modgate/conformance/wire"
)

// stream is an instance's stream of notices.
type stream struct {
	cancel context.CancelFunc
	closed chan struct{}

	mu     sync.Mutex
	events []wire.Event // all of them
	next   int          // the first that no step has looked at
	seen   map[string]bool
}

func (st *stream) add(e wire.Event) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.events = append(st.events, e)
}

// rest returns the events that no step has looked at, without comments and
// repetitions, and the index after each.
func (st *stream) rest() (events []wire.Event, after []int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for i := st.next; i < len(st.events); i++ {
		e := st.events[i]
		if e.Name == ":" || st.seen[repetition(e)] {
			continue
		}
		events, after = append(events, e), append(after, i+1)
	}
	return events, after
}

// repetition tells a notice that was delivered before.
func repetition(e wire.Event) string {
	id := e.NoticeID()
	if id == "" {
		return "no repetition"
	}
	return e.Name + " " + id
}

// advance is called when a step has looked at everything before an index.
func (st *stream) advance(to int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, e := range st.events[st.next:to] {
		if id := repetition(e); id != "no repetition" {
			st.seen[id] = true
		}
	}
	st.next = to
}

// hangUp closes the stream, if there is one.
func (in *instance) hangUp() {
	if in.stream != nil {
		in.stream.cancel()
		<-in.stream.closed
		in.stream = nil
	}
}

// listens opens a stream and leaves a former one to the core.
func (w *world) listens(s script.Step, in *instance) error {
	ctx, cancel := context.WithCancel(w.ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.Control+w.own(in, "notices"), http.NoBody)
	if err != nil {
		cancel()
		return err
	}
	req.Header.Set("Authorization", "Bearer "+in.token())
	if after, given := s.Get("after"); given {
		req.Header.Set("Last-Event-ID", after)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		cancel()
		return err
	}
	st := &stream{cancel: cancel, closed: make(chan struct{}), seen: map[string]bool{}}
	if in.stream != nil {
		in.stream.cancel = func() {} // it is the core's to close
	}
	in.stream = st
	go func() {
		defer close(st.closed)
		defer resp.Body.Close()
		wire.ReadEvents(resp.Body, func(e wire.Event) { //nolint:errcheck // that it ended is what counts
			e.Data = w.untag(e.Data)
			st.add(e)
		})
	}()
	return w.judge(s, wire.Answer{Status: resp.StatusCode, Header: resp.Header}, passed)
}

// hears waits for a notice that fits; strict is that it be the next one.
func (w *world) hears(s script.Step, in *instance, strict bool) error {
	st := in.stream
	if st == nil {
		return errors.New("it does not listen")
	}
	var missed []string
	found := false
	_, err := w.until(w.within(s, "within", 3*time.Second), func() bool {
		events, after := st.rest()
		missed = nil
		for i, e := range events {
			if e.Kind() == s.Args[0] && w.complaints(s, e) == nil {
				st.advance(after[i])
				found = true
				w.judge(s, e) //nolint:errcheck // it has no complaints; saves
				return true
			}
			missed = append(missed, w.untag(e.String()))
			if strict {
				return true
			}
		}
		return false
	})
	if err != nil || found {
		return err
	}
	return &Failure{s, []string{"a notice " + s.Args[0] + checksText(s)}, heard(missed)}
}

func checksText(s script.Step) string {
	var b strings.Builder
	for _, c := range s.Checks {
		b.WriteString(" " + c.String())
	}
	return b.String()
}

func heard(missed []string) string {
	if missed == nil {
		return "no notice"
	}
	return "only " + strings.Join(missed, "\n\t     ")
}

// hearsNo waits whether a notice comes that should not.
func (w *world) hearsNo(s script.Step, in *instance) error {
	if in.stream == nil {
		return errors.New("it does not listen")
	}
	if err := w.sleep(w.within(s, "for", 300*time.Millisecond)); err != nil {
		return err
	}
	events, _ := in.stream.rest()
	for _, e := range events {
		if (len(s.Args) == 0 || e.Kind() == s.Args[0]) && w.complaints(s, e) == nil {
			return &Failure{s, []string{"no such notice"}, w.untag(e.String())}
		}
	}
	return nil
}

func (w *world) losesStream(s script.Step, in *instance) error {
	if in.stream == nil {
		return errors.New("it does not listen")
	}
	d := w.within(s, "within", 3*time.Second)
	select {
	case <-in.stream.closed:
		in.stream = nil
		return nil
	case <-time.After(d):
		return &Failure{s, []string{"the stream closed"}, fmt.Sprintf("still open after %v", d)}
	}
}
