package adaptertest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/message"
)

// Outcome is what came of a step, all of it.
type Outcome struct {
	Request       *Message       `json:"request,omitempty"`       // as it goes to the module; absent: nothing does
	Response      *Message       `json:"response,omitempty"`      // as it goes to the client, or to the module that sent the message
	Refused       string         `json:"refused,omitempty"`       // failed: the gateway answers 503, or tells the module later; too-large: 413
	Verdict       string         `json:"verdict,omitempty"`       // of an event: acknowledged, retry, give-up or in-progress
	After         string         `json:"after,omitempty"`         // in-progress: how long until the poll
	Memory        []string       `json:"memory,omitempty"`        // in-progress: name=value, for the poll
	Reason        string         `json:"reason,omitempty"`        // the module's words
	Announcements []Announcement `json:"announcements,omitempty"` // of a message
	Malformed     bool           `json:"malformed,omitempty"`     // the message is none that can be understood
	Traffic       bool           `json:"traffic,omitempty"`       // the message is none, but a request like others
	Health        string         `json:"health,omitempty"`        // of a probe: by-rule, up, degraded, down or starting
	Log           []string       `json:"log,omitempty"`           // "level: line"
	Faults        []string       `json:"faults,omitempty"`        // "hook: kind"

	why []string // of each fault, in words to which a case does not hold the gateway
}

// Announcement is what a message announces.
type Announcement struct {
	Type     message.Verb     `json:"type"`
	Seq      uint64           `json:"seq,omitempty"` // absent: the gateway chooses
	Expected message.Duration `json:"expected,omitzero"`
	Reason   string           `json:"reason,omitempty"`
}

// request returns what goes to the module.
func (x *exchange) request() *Message {
	return &Message{
		Method: string(x.method), Target: string(x.target), Headers: lines(x.Fields(adapter.RequestHeader)), Trailers: lines(x.Fields(adapter.RequestTrailer)),
	}
}

// response returns what goes to the client.
func (x *exchange) response() *Message {
	m := &Message{Status: x.status, Headers: lines(x.Fields(adapter.ResponseHeader)), Trailers: lines(x.trailed())}
	if m.Status == 0 {
		m.Status = 200
	}
	m.fill(x.sent(adapter.Response))
	return m
}

// lines writes fields as a case has them, but for those that are the
// gateway's own.
func lines(f *adapter.Fields) (all []string) {
	for _, field := range f.All() {
		if !Owned(string(field.Name)) {
			all = append(all, string(field.Name)+": "+string(field.Value))
		}
	}
	return all
}

// fill sets the body in the form in which it is read best.
func (m *Message) fill(body []byte) {
	m.raw = body
	switch trimmed := bytes.TrimSpace(body); {
	case len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(trimmed):
		m.JSON = trimmed
	case utf8.Valid(body):
		m.Body = string(body)
	default:
		m.Base64 = base64.StdEncoding.EncodeToString(body)
	}
}

// normal writes the outcome so that two that mean the same are equal: names
// of fields in lower case, JSON in one form. A body that like writes as a text
// is compared octet by octet.
func (o *Outcome) normal(like *Outcome) string {
	n := *o
	n.Request, n.Response = o.Request.normal(like.Request), o.Response.normal(like.Response)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(n); err != nil {
		return err.Error()
	}
	return b.String()
}

func (m *Message) normal(like *Message) *Message {
	if m == nil {
		return nil
	}
	n := *m
	n.Headers, n.Trailers = lowered(m.Headers), lowered(m.Trailers)
	if like != nil && like.Body != "" && m.JSON != nil && m.raw != nil {
		n.JSON, n.Body = nil, string(m.raw)
	}
	if n.JSON != nil {
		var v any
		d := json.NewDecoder(bytes.NewReader(n.JSON))
		d.UseNumber()
		if d.Decode(&v) == nil {
			n.JSON, _ = json.Marshal(v) // of what was read
		}
	}
	return &n
}

func lowered(lines []string) (all []string) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		all = append(all, strings.ToLower(strings.TrimSpace(name))+": "+strings.TrimSpace(value))
	}
	return all
}

// differ returns the lines in which two outcomes differ, or nothing.
func differ(got, want *Outcome) string {
	a, b := got.normal(want), want.normal(want)
	if a == b {
		return ""
	}
	return diff(strings.Split(b, "\n"), strings.Split(a, "\n"))
}

// diff writes what was wanted as - and what was got as +, with the lines
// around it.
func diff(want, got []string) string {
	// common[i][j] is how many lines of want[i:] and got[j:] are in both.
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); want[i] == got[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var b strings.Builder
	for i, j := 0, 0; i < len(want) || j < len(got); {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			fmt.Fprintf(&b, "  %s\n", want[i])
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && common[i+1][j] >= common[i][j+1]:
			fmt.Fprintf(&b, "- %s\n", want[i])
			i++
		default:
			fmt.Fprintf(&b, "+ %s\n", got[j])
			j++
		}
	}
	return b.String()
}
