//go:build !wasip1

package adaptertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
)

// Misuse is the panic of a hook that asks for what is not allowed. In a gateway
// it ends the instance.
type Misuse string

func (m Misuse) Error() string { return string(m) }

// phase is what a call is for.
type phase uint8

const (
	starting phase = iota
	beforeNext
	afterNext
	encoding
	replying
	decoding
	probing
	judging
)

// call is one call of a hook.
type call struct {
	phase    phase
	x        *Exchange // nil while the adapter begins
	features uint32
	read     [2]int     // of a body
	written  [2]*string // in place of a body
	event    *Event
	draft    map[string]string
	emitted  []adapter.Announcement
}

// begin makes x one that can be edited, and the call one of that phase.
func (h *Host) begin(p phase, x *Exchange) {
	if x.Method == "" {
		x.Method = http.MethodGet
	}
	if x.Target == "" {
		x.Target = "/"
	}
	if x.Protocol == "" {
		x.Protocol = "HTTP/1.1"
	}
	for _, f := range []*http.Header{&x.Header, &x.Trailer} {
		if *f == nil {
			*f = http.Header{}
		}
	}
	h.call = call{phase: p, x: x, features: h.features}
}

// end hands over the bodies that were written.
func (h *Host) end() {
	x := h.call.x
	if b := h.call.written[0]; b != nil {
		x.Body = *b
	}
	if b := h.call.written[1]; b != nil {
		x.answer().Body = *b
	}
}

// answer returns the answer, which it begins if there is none.
func (x *Exchange) answer() *Answer {
	if x.Answer == nil {
		x.Answer = &Answer{}
	}
	if x.Answer.Header == nil {
		x.Answer.Header = http.Header{}
	}
	if x.Answer.Trailer == nil {
		x.Answer.Trailer = http.Header{}
	}
	return x.Answer
}

var types = map[adapter.EventType]string{adapter.Delay: "delay", adapter.Missing: "missing", adapter.Resume: "resume", adapter.Poll: "resume"}

// request returns the one with which the module is told if no adapter edits it.
func (e *Event) request() *Exchange {
	return &Exchange{
		Method: http.MethodPost, Target: "/_modgate",
		Header: http.Header{"Content-Type": {"application/cloudevents+json"}}, Body: e.json(),
	}
}

// attribute returns what the event says under a name.
func (e *Event) attribute(name string) (string, bool) {
	text, ok := e.Attributes[name]
	switch {
	case ok:
	case name == "specversion":
		return "1.0", true
	case name == "type":
		return "dev.modgate." + types[e.Type] + ".v1", true
	case name == "source":
		return "modgate/" + e.Attributes["receiver"], true
	case name == "ttl":
		ms, err := strconv.Atoi(e.Attributes["ttl_ms"])
		return (time.Duration(ms) * time.Millisecond).String(), err == nil
	case name == "ttl_ms":
		d, err := time.ParseDuration(e.Attributes["ttl"])
		return strconv.FormatInt(d.Milliseconds(), 10), err == nil
	}
	return text, ok
}

// json returns the event as a CloudEvent.
func (e *Event) json() string {
	event, data := map[string]any{}, map[string]any{}
	for _, name := range strings.Fields("specversion type source id subject time") {
		if text, ok := e.attribute(name); ok {
			event[name] = text
		}
	}
	for _, name := range strings.Fields("module version required found reason ttl outcome") {
		if text, ok := e.attribute(name); ok {
			data[name] = text
		}
	}
	if epoch, err := strconv.ParseUint(e.Attributes["epoch"], 10, 64); err == nil {
		data["epoch"] = epoch
	}
	event["data"] = data
	b, err := json.Marshal(event)
	if err != nil {
		panic(fmt.Sprintf("write event: %v", err)) // they are texts and numbers
	}
	return string(b)
}
