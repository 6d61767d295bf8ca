package adapter

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/modgate/modgate/core/message"
)

// Draft is an Exchange in memory: the request with which the gateway tells a
// module of an event or asks for its health, and the answer. An adapter edits
// it before it is sent. Make one with NewDraft, NewNotice or NewProbe.
type Draft struct {
	// Properties are what Property answers, by name.
	Properties map[string]string

	request, original part // original: what Discard goes back to
	answer, answered  part
	status, replied   int
}

// part is one side of a draft.
type part struct {
	method, target string
	fields         Fields
	trailers       Fields
	body           []byte
}

func (p *part) clone() part {
	c := *p
	c.fields, c.trailers = p.fields.clone(), p.trailers.clone()
	return c
}

// NewDraft returns a draft of a request of the method for the target, path and
// query, with that body. The caller leaves the body alone afterwards.
func NewDraft(method, target string, fields []Attribute, body []byte) *Draft {
	d := &Draft{}
	d.request.method, d.request.target, d.request.body = method, target, body
	for _, f := range fields {
		d.request.fields.Load([]byte(f.Name), []byte(f.Value))
	}
	d.original = d.request.clone()
	return d
}

// NewNotice returns the request that tells a module of n if no adapter edits
// it: the notice as a CloudEvent in structured mode (lifecycle.md 3.4), posted
// to path.
func NewNotice(n message.Notice, path string) (*Draft, error) {
	body, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("write notice %s: %w", n.ID(), err)
	}
	return NewDraft("POST", path, []Attribute{{"Content-Type", "application/cloudevents+json"}}, body), nil
}

// NewProbe returns the request that asks for a module's health at path if no
// adapter edits it.
func NewProbe(path string) *Draft { return NewDraft("GET", path, nil, nil) }

// Answer gives the draft the answer that came. The caller leaves the body
// alone afterwards.
func (d *Draft) Answer(status int, fields, trailers []Attribute, body []byte) {
	d.replied, d.answered = status, part{body: body}
	for _, f := range fields {
		d.answered.fields.Load([]byte(f.Name), []byte(f.Value))
	}
	for _, f := range trailers {
		d.answered.trailers.Load([]byte(f.Name), []byte(f.Value))
	}
	d.original = d.request.clone()
	d.status, d.answer = status, d.answered.clone()
}

// Method returns the request's.
func (d *Draft) Method() []byte { return []byte(d.request.method) }

// SetMethod changes it.
func (d *Draft) SetMethod(method []byte) { d.request.method = string(method) }

// Target returns the request's path and query.
func (d *Draft) Target() []byte { return []byte(d.request.target) }

// SetTarget changes it.
func (d *Draft) SetTarget(target []byte) { d.request.target = string(target) }

// Protocol returns what the gateway will speak.
func (d *Draft) Protocol() string { return "HTTP/1.1" }

// Source returns none: the gateway itself asks.
func (d *Draft) Source() netip.AddrPort { return netip.AddrPort{} }

// Status returns the answer's status, 0 before Answer.
func (d *Draft) Status() int { return d.status }

// SetStatus changes it.
func (d *Draft) SetStatus(status int) { d.status = status }

// Fields returns the fields of a part.
func (d *Draft) Fields(p Part) *Fields {
	switch p {
	case RequestHeader:
		return &d.request.fields
	case ResponseHeader:
		return &d.answer.fields
	case RequestTrailer:
		return &d.request.trailers
	default:
		return &d.answer.trailers
	}
}

// Body returns the body of a side.
func (d *Draft) Body(s Side, limit int) ([]byte, error) {
	body := d.side(s).body
	if len(body) > limit {
		return nil, ErrTooLarge
	}
	return body, nil
}

// AtHand reports true.
func (d *Draft) AtHand(Side) bool { return true }

// SetBody replaces the body of a side.
func (d *Draft) SetBody(s Side, body []byte) { d.side(s).body = append([]byte(nil), body...) }

func (d *Draft) side(s Side) *part {
	if s == Request {
		return &d.request
	}
	return &d.answer
}

// Property returns what Properties say.
func (d *Draft) Property(name string) ([]byte, bool) {
	v, ok := d.Properties[name]
	return []byte(v), ok
}

// Discard undoes every edit: of the request, since it was made; of the answer,
// since it came.
func (d *Draft) Discard() {
	d.request = d.original.clone()
	d.status, d.answer = d.replied, d.answered.clone()
}
