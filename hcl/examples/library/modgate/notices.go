package modgate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Kind is what a notice says.
type Kind string

// The notices.
const (
	Delay   Kind = "delay"
	Missing Kind = "missing"
	Resumed Kind = "resume"
)

// Notice is a message from the gateway about one of the module's
// requirements, or about the process itself (lifecycle.md 3.4).
type Notice struct {
	Kind    Kind
	Subject string // id of the requirement, or of this instance
	ID      string // the same for a notice that is delivered twice

	Module   string
	Version  string
	Required string // range wanted
	Found    string // version found
	Reason   string
	TTL      string // DELAY: a Go duration
	Epoch    uint64
	Outcome  string
}

// silence is how long a stream may say nothing: the gateway sends a comment
// every 15 s.
const silence = 45 * time.Second

// Listen keeps the stream of notices open until ctx ends or the process is
// fenced. It keeps Requirements up to date.
func (in *Instance) Listen(ctx context.Context) {
	s := stream{instance: in, retry: time.Second}
	for {
		err := s.read(ctx)
		if errors.Is(err, ErrFenced) {
			in.fence()
		}
		select {
		case <-in.fenced:
			return
		default:
		}
		if !sleep(ctx, s.retry) {
			return
		}
	}
}

// stream reads Server-Sent Events; it lasts over connections.
type stream struct {
	instance *Instance
	retry    time.Duration   // pause before the next connection
	last     string          // id of the last event, to go on after it
	named    map[string]bool // subjects that this connection has named
}

// read reads one connection until it ends.
func (s *stream) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()

	req, err := s.instance.control.request(ctx, http.MethodGet, "/v1/instances/"+s.instance.ID+"/notices", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	if s.last != "" {
		req.Header.Set("Last-Event-ID", s.last)
	}
	resp, err := s.instance.control.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return readProblem(resp)
	}
	s.named = map[string]bool{}
	return s.events(ctx, resp.Body, func() { watchdog.Reset(silence) })
}

// events splits body into events (WHATWG HTML, section 9.2) and calls alive
// for every line.
func (s *stream) events(ctx context.Context, body io.Reader, alive func()) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	var id, event, data string
	for lines.Scan() {
		alive()
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			id = value
		case "event":
			event = value
		case "data":
			data += value
		case "retry":
			if d, err := time.ParseDuration(value + "ms"); err == nil {
				s.retry = d
			}
		}
		if lines.Text() != "" {
			continue
		}
		if err := s.deliver(ctx, event, data); err != nil {
			return err
		}
		if id != "" {
			s.last = id
		}
		id, event, data = "", "", ""
	}
	return lines.Err()
}

// deliver acts on one event.
func (s *stream) deliver(ctx context.Context, event, data string) error {
	if event == "synced" {
		// The end of a snapshot: what it did not name is met.
		s.instance.Requirements.meetAllBut(s.named)
		return nil
	}
	kind, ok := strings.CutPrefix(event, "dev.modgate.")
	if !ok {
		return nil // a later gateway may say more
	}
	var e struct {
		Subject, ID string
		Data        Notice
	}
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return fmt.Errorf("read notice: %w", err)
	}
	n := e.Data
	n.Kind, n.Subject, n.ID = Kind(strings.TrimSuffix(kind, ".v1")), e.Subject, e.ID
	s.named[n.Subject] = true
	s.instance.heard(ctx, n)
	return nil
}

// heard draws the conclusions that every module draws.
func (in *Instance) heard(ctx context.Context, n Notice) {
	if n.Subject != in.ID {
		in.log.Info("notice", "says", n.Kind, "requires", n.Subject, "wanted", n.Required, "found", n.Found, "reason", n.Reason, "ttl", n.TTL)
		in.Requirements.Hear(n)
		return
	}
	in.See(n.Epoch)
	in.log.Info("notice about myself", "says", n.Kind, "reason", n.Reason, "ttl", n.TTL, "outcome", n.Outcome)
	if n.Kind != Missing {
		return
	}
	// MISSING about myself: replaced, or only lost from sight? The lease tells
	// (U8): 409 closes Fenced.
	if err := in.Renew(ctx); err != nil && !errors.Is(err, ErrFenced) {
		in.log.Warn("told MISSING, and cannot ask why", "err", err)
	}
}
