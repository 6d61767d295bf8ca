package adaptertest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/message"
)

// Case is what one file says: an adapter with its settings, and what it is
// asked, step by step. CASES.md describes it.
type Case struct {
	About      string            `json:"about,omitempty"`
	Plugin     *Plugin           `json:"plugin,omitempty"`
	Properties map[string]string `json:"properties,omitempty"` // of every step
	Shares     bool              `json:"shares,omitempty"`     // an answer depends on other requests on purpose: nothing is interleaved
	Start      *Start            `json:"start,omitempty"`
	Steps      []Step            `json:"steps,omitempty"`

	file string
}

// Start is what is expected of the adapter's start.
type Start struct {
	Refused string   `json:"refused,omitempty"` // why it is not put in force; empty: it is
	Log     []string `json:"log,omitempty"`
}

// Step is one exchange: exactly one of Request, Event, Message and Probe.
type Step struct {
	About      string            `json:"about,omitempty"`
	Request    *Message          `json:"request,omitempty"` // on its way to the module
	Event      *Event            `json:"event,omitempty"`   // of which the module is to be told
	Message    *Message          `json:"message,omitempty"` // a request of the module to the gateway
	Probe      *Probe            `json:"probe,omitempty"`   // the question for its health
	Properties map[string]string `json:"properties,omitempty"`
	Answer     *Message          `json:"answer,omitempty"` // the module's; absent: 200 and nothing else
	Failed     bool              `json:"failed,omitempty"` // the module gave no answer
	Want       *Outcome          `json:"want,omitempty"`

	line int
}

func (s *Step) begins(line int) { s.line = line }

// Message is a request or an answer.
type Message struct {
	Method   string          `json:"method,omitempty"`
	Target   string          `json:"target,omitempty"`
	Status   int             `json:"status,omitempty"`
	Protocol string          `json:"protocol,omitempty"`
	Source   string          `json:"source,omitempty"` // the client's address and port
	Headers  []string        `json:"headers,omitempty"`
	Body     string          `json:"body,omitempty"`
	JSON     json.RawMessage `json:"json,omitempty"`   // the body, if that is easier to read; compared as JSON
	Base64   string          `json:"base64,omitempty"` // the body, if it is no text
	Trailers []string        `json:"trailers,omitempty"`

	raw []byte // of an outcome: the body as it is
}

// Event is what a module is told (SPECIFICATION.md 3.4).
type Event struct {
	Type     message.Kind     `json:"type"`
	Poll     bool             `json:"poll,omitempty"` // ask what has become of it; the last reply's memory is there
	Receiver string           `json:"receiver,omitempty"`
	Subject  string           `json:"subject,omitempty"`
	Turn     uint64           `json:"turn,omitempty"`
	Module   string           `json:"module,omitempty"`
	Version  string           `json:"version,omitempty"`
	Required string           `json:"required,omitempty"`
	Found    string           `json:"found,omitempty"`
	Reason   message.Reason   `json:"reason,omitempty"`
	TTL      message.Duration `json:"ttl,omitzero"`
	Epoch    uint64           `json:"epoch,omitempty"`
	Outcome  message.Outcome  `json:"outcome,omitempty"`
}

// Probe is the question for a module's health.
type Probe struct {
	Path string `json:"path,omitempty"`
}

// Read reads the cases of a folder, every *.json in it and below, or of one
// file. The error lists all that is wrong, with file and line.
func Read(path string) ([]*Case, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there are no cases: %s does not exist", path)
	}
	var cases []*Case
	var errs []error
	err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(name) != ".json" {
			return err
		}
		c, err := read(name)
		cases, errs = append(cases, c), append(errs, err)
		return nil
	})
	if err == nil && len(cases) == 0 {
		err = fmt.Errorf("%s holds no cases: they are files *.json", path)
	}
	return cases, errors.Join(append(errs, err)...)
}

func read(name string) (*Case, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	c := &Case{file: name}
	if err := decode(name, text, c); err != nil {
		return nil, err
	}
	return c, c.check()
}

// Name returns the name of the case: its file's, without folder and suffix.
func (c *Case) Name() string { return strings.TrimSuffix(filepath.Base(c.file), ".json") }

// check finds what is wrong beyond the form.
func (c *Case) check() error {
	var errs []error
	if _, err := c.settings(); err != nil {
		errs = append(errs, fmt.Errorf("%s: plugin: %w", c.file, err))
	}
	if len(c.Steps) == 0 && c.Start == nil {
		errs = append(errs, fmt.Errorf("%s: it has no steps, and expects nothing of the start", c.file))
	}
	polled := false
	for i := range c.Steps {
		s := &c.Steps[i]
		if err := s.check(polled); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", c.file, s.line, err))
		}
		polled = s.Event != nil
	}
	return errors.Join(errs...)
}

func (s *Step) check(afterEvent bool) error {
	n := 0
	for _, is := range []bool{s.Request != nil, s.Event != nil, s.Message != nil, s.Probe != nil} {
		if is {
			n++
		}
	}
	switch {
	case n != 1:
		return errors.New("a step has one of request, event, message and probe")
	case s.Failed && s.Answer != nil:
		return errors.New("it has an answer, or it failed: not both")
	case s.Message != nil && (s.Failed || s.Answer != nil):
		return errors.New("a message of the module is answered by the gateway: want no answer of the module")
	case s.Event != nil && s.Event.Type == 0:
		return errors.New(`event.type is missing: want "delay", "missing" or "resume"`)
	case s.Event != nil && s.Event.Poll && !afterEvent:
		return errors.New("a poll follows the event that it asks about")
	}
	for _, m := range []*Message{s.Request, s.Message, s.Answer} {
		if m == nil {
			continue
		}
		if err := m.check(m == s.Answer); err != nil {
			return err
		}
	}
	return nil
}

func (m *Message) check(answer bool) error {
	bodies := 0
	for _, has := range []bool{m.Body != "", m.JSON != nil, m.Base64 != ""} {
		if has {
			bodies++
		}
	}
	switch {
	case bodies > 1:
		return errors.New("want one of body, json and base64")
	case answer && m.Method+m.Target+m.Source+m.Protocol != "":
		return errors.New("an answer has no method, target, source or protocol")
	case !answer && m.Status != 0:
		return errors.New("a request has no status")
	case answer && m.Status != 0 && (m.Status < 200 || m.Status > 999):
		return fmt.Errorf("status %d is none of an answer: want 200 to 999", m.Status)
	case m.Target != "" && m.Target[0] != '/':
		return fmt.Errorf("target %q: want a path, with a query or without", m.Target)
	}
	if _, err := base64.StdEncoding.DecodeString(m.Base64); err != nil {
		return fmt.Errorf("base64: %w", err)
	}
	if m.Source != "" {
		if _, err := netip.ParseAddrPort(m.Source); err != nil {
			return fmt.Errorf("source: %w: want an address and a port, such as 192.0.2.1:40000", err)
		}
	}
	for _, line := range slices.Concat(m.Headers, m.Trailers) {
		if name, _, ok := strings.Cut(line, ":"); !ok || strings.TrimSpace(name) == "" {
			return fmt.Errorf("header %q: want \"name: value\"", line)
		}
	}
	return nil
}

// body returns the octets of the body.
func (m *Message) body() []byte {
	switch {
	case m.JSON != nil:
		var b bytes.Buffer
		_ = json.Compact(&b, m.JSON) // it was read as JSON
		return b.Bytes()
	case m.Base64 != "":
		b, _ := base64.StdEncoding.DecodeString(m.Base64) // it was checked
		return b
	default:
		return []byte(m.Body)
	}
}

// attributes returns header lines as fields.
func attributes(lines []string) []adapter.Attribute {
	all := make([]adapter.Attribute, len(lines))
	for i, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		all[i] = adapter.Attribute{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
	}
	return all
}

// event returns what the module is told. It is the same in every run.
func (e *Event) event(memory []adapter.Attribute) adapter.Event {
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	receiver := or(e.Receiver, "instance-1")
	n := message.Notice{
		Receiver: receiver, Subject: or(e.Subject, receiver), Kind: e.Type, Turn: max(1, e.Turn), Time: time.Unix(1767225600, 0).UTC(),
		Data: message.NoticeData{
			Module: e.Module, Version: e.Version, Required: e.Required, Found: e.Found, Reason: e.Reason, TTL: e.TTL, Epoch: e.Epoch, Outcome: e.Outcome,
		},
	}
	out := adapter.Event{Notice: n, Poll: e.Poll}
	if e.Poll {
		out.Memory = memory
	}
	return out
}

// write writes the case back into its file.
func (c *Case) write() error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(c); err != nil {
		return err
	}
	return os.WriteFile(c.file, b.Bytes(), 0o644)
}
