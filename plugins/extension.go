package plugins

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/message"
)

// Features of modgate_adapter_v1.
const (
	jsonEvents = 1 << iota
	attributes
	properties = 4
	sharedKV   = 8
)

// Types of events, as guests number them.
const (
	typeDelay      = 1
	typeMissing    = 2
	typeResume     = 3
	typeUpdate     = 16
	typeDisconnect = 17
	typeResumed    = 18
	typePoll       = 32
)

// What functions of the extension answer instead of a length.
const (
	absent  = -1 // there is no such thing
	invalid = -2 // what was given is wrong
	full    = -3 // there is no room
)

const (
	maxEvent      = 64 << 10 // bytes of an event
	maxAttributes = 64
	maxAttribute  = 4 << 10 // bytes of one
)

// adapterFunctions are those of modgate_adapter_v1.
var adapterFunctions = []hostFunction{
	{"features", "i", "i", (*call).extensionFeatures},
	{"get_event", "ii", "i", (*call).getEvent},
	{"get_attr", "iiii", "i", (*call).getAttribute},
	{"set_attr", "iiii", "", (*call).setAttribute},
	{"emit", "i", "i", (*call).emit},
	{"emit_event", "ii", "i", (*call).emitEvent},
	{"get_property", "iiii", "i", (*call).getProperty},
	{"now", "", "I", func(_ *call, s []uint64) { s[0] = uint64(time.Now().UnixNano()) }},
	{"kv_get", "iiii", "i", (*call).kvGet},
	{"kv_set", "iiiii", "i", (*call).kvSet},
}

// signed is how a guest gets a number that may be below zero.
func signed(n int) uint64 { return uint64(uint32(int32(n))) }

func (c *call) extensionFeatures(s []uint64) {
	granted := uint64(jsonEvents | attributes | properties)
	if c.i.g.p.shared.bound > 0 {
		granted |= sharedKV
	}
	s[0] &= granted
}

// getEvent returns the event as a CloudEvent in JSON.
func (c *call) getEvent(s []uint64) {
	if c.event == nil {
		s[0] = signed(absent)
		return
	}
	b, err := json.Marshal(c.event.Notice)
	if err != nil {
		s[0] = signed(invalid)
		return
	}
	s[0] = c.put(s[0], s[1], b)
}

// getAttribute returns an attribute of the event as a text: of those that the
// guest has set itself, of what the last reply remembered, of the CloudEvent,
// or of its data.
func (c *call) getAttribute(s []uint64) {
	b, ok := c.attribute(c.view(s[0], s[1]))
	if !ok {
		s[0] = signed(absent)
		return
	}
	s[0] = c.put(s[2], s[3], b)
}

func (c *call) attribute(name []byte) ([]byte, bool) {
	if v, ok := c.draft.get(name); ok {
		return v, true
	}
	if c.event == nil {
		return nil, false
	}
	for _, a := range c.event.Memory {
		if a.Name == string(name) {
			c.scratch = append(c.scratch[:0], a.Value...)
			return c.scratch, true
		}
	}
	b, ok := appendAttribute(c.scratch[:0], &c.event.Notice, string(name))
	c.scratch = b
	return b, ok
}

// appendAttribute appends what a notice says under a name (lifecycle.md 3.4).
func appendAttribute(b []byte, n *message.Notice, name string) ([]byte, bool) {
	d := &n.Data
	ttl := time.Duration(d.TTL)
	if !n.Until.IsZero() {
		ttl = max(0, time.Until(n.Until))
	}
	switch name {
	case "specversion":
		return append(b, "1.0"...), true
	case "type":
		return append(b, n.Kind.Type()...), true
	case "source":
		return append(append(b, "modgate/"...), n.Receiver...), true
	case "id":
		return append(b, n.ID()...), true
	case "subject":
		return append(b, n.Subject...), true
	case "receiver":
		return append(b, n.Receiver...), true
	case "time":
		return n.Time.UTC().AppendFormat(b, time.RFC3339Nano), true
	case "module":
		return append(b, d.Module...), true
	case "version":
		return append(b, d.Version...), d.Version != ""
	case "required":
		return append(b, d.Required...), d.Required != ""
	case "found":
		return append(b, d.Found...), d.Found != ""
	case "reason":
		return append(b, d.Reason.String()...), d.Reason != message.NoReason
	case "outcome":
		return append(b, d.Outcome.String()...), d.Outcome != message.Pending
	case "ttl":
		return append(b, ttl.String()...), ttl > 0
	case "ttl_ms":
		return strconv.AppendInt(b, ttl.Milliseconds(), 10), ttl > 0
	case "epoch":
		return strconv.AppendUint(b, d.Epoch, 10), d.Epoch > 0
	case "turn":
		return strconv.AppendUint(b, n.Turn, 10), true
	}
	return b, false
}

func (c *call) setAttribute(s []uint64) {
	name, value := c.view(s[0], s[1]), c.view(s[2], s[3])
	if c.phase != decoding && c.phase != replying {
		panic(misuse("set_attr is for lifecycle_decode and lifecycle_reply"))
	}
	if len(name) == 0 || len(name) > 64 || len(value) > maxAttribute {
		panic(misuse(fmt.Sprintf("an attribute has a name of 1 to 64 bytes, and at most %d bytes", maxAttribute)))
	}
	if !c.draft.set(name, value) {
		panic(misuse(fmt.Sprintf("it sets more than %d attributes", maxAttributes)))
	}
}

// announcement is an event that a guest builds.
type announcement struct {
	list    []adapter.Attribute
	emitted []message.Announcement
}

func (a *announcement) reset() { a.list, a.emitted = a.list[:0], nil }

func (a *announcement) get(name []byte) ([]byte, bool) {
	for i := range a.list {
		if a.list[i].Name == string(name) {
			return []byte(a.list[i].Value), true
		}
	}
	return nil, false
}

func (a *announcement) set(name, value []byte) bool {
	for i := range a.list {
		if a.list[i].Name == string(name) {
			a.list[i].Value = string(value)
			return true
		}
	}
	if len(a.list) == maxAttributes {
		return false
	}
	a.list = append(a.list, adapter.Attribute{Name: string(name), Value: string(value)})
	return true
}

// maxAnnouncements bounds what one request of a module can announce.
const maxAnnouncements = 16

var verbs = map[uint32]message.Verb{typeUpdate: message.Update, typeDisconnect: message.Disconnect, typeResumed: message.Resume}

// emit announces, of that type, what was set, and begins anew if that is right.
func (c *call) emit(s []uint64) {
	c.decoding("emit")
	a := message.Announcement{Type: verbs[uint32(s[0])]}
	err := a.Type.UnmarshalText([]byte(a.Type.String()))
	for _, attr := range c.draft.list {
		err = errors.Join(err, assign(&a, attr))
	}
	if s[0] = c.announce(a, err); s[0] == 0 {
		c.draft.list = c.draft.list[:0]
	}
}

// assign sets what an attribute says.
func assign(a *message.Announcement, attr adapter.Attribute) (err error) {
	switch attr.Name {
	case "seq":
		a.Seq, err = strconv.ParseUint(attr.Value, 10, 64)
	case "expected":
		err = a.Expected.UnmarshalText([]byte(attr.Value))
	case "reason":
		a.Reason = attr.Value
	default:
		err = fmt.Errorf("an announcement has no %s", attr.Name)
	}
	return err
}

// emitEvent announces what a CloudEvent in JSON says.
func (c *call) emitEvent(s []uint64) {
	c.decoding("emit_event")
	text := c.view(s[0], s[1])
	if len(text) > maxEvent {
		s[0] = signed(full)
		return
	}
	var event struct {
		Type string
		Data struct {
			Seq      uint64
			Expected message.Duration
			Reason   string
		}
	}
	err := json.Unmarshal(text, &event)
	a := message.Announcement{Seq: event.Data.Seq, Expected: event.Data.Expected, Reason: event.Data.Reason}
	for _, v := range verbs {
		if event.Type == "dev.modgate."+v.String()+".v1" {
			a.Type = v
		}
	}
	s[0] = c.announce(a, err)
}

func (c *call) decoding(what string) {
	if c.phase != decoding {
		panic(misuse(what + " is for lifecycle_decode"))
	}
}

// announce keeps a, if it is right; without a number it gets one later.
func (c *call) announce(a message.Announcement, err error) uint64 {
	checked := a
	checked.Seq = max(1, a.Seq)
	switch {
	case err != nil || checked.Check() != nil:
		return signed(invalid)
	case len(c.draft.emitted) == maxAnnouncements:
		return signed(full)
	}
	c.draft.emitted = append(c.draft.emitted, a)
	return 0
}

func (c *call) getProperty(s []uint64) {
	b, ok := c.property(c.view(s[0], s[1]))
	if !ok {
		s[0] = signed(absent)
		return
	}
	s[0] = c.put(s[2], s[3], b)
}

func (c *call) property(name []byte) ([]byte, bool) {
	p := c.i.g.p
	switch string(name) {
	case "gateway.version":
		c.scratch = append(c.scratch[:0], p.o.Version...)
	case "plugin.name":
		c.scratch = append(c.scratch[:0], p.o.Name...)
	case "plugin.generation":
		c.scratch = strconv.AppendUint(c.scratch[:0], c.i.g.number, 10)
	default:
		if c.x == nil {
			return nil, false
		}
		return c.x.Property(string(name))
	}
	return c.scratch, true
}

// envFunctions are what AssemblyScript imports.
var envFunctions = []hostFunction{
	{"abort", "iiii", "", func(c *call, s []uint64) {
		panic(misuse(fmt.Sprintf("abort: %s, in %s:%d:%d", c.text16(s[0]), c.text16(s[1]), uint32(s[2]), uint32(s[3]))))
	}},
	{"seed", "", "F", seed},
	{"trace", "iiFFFFF", "", func(c *call, s []uint64) {
		c.i.g.p.lines.write(levelDebug, []byte(c.text16(s[0])))
	}},
}
