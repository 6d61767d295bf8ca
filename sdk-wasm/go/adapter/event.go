package adapter

import (
	"strconv"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter/internal/abi"
)

// EventType is what a module is told.
type EventType uint32

// The types of events.
const (
	Delay   EventType = abi.EventDelay   // what it requires is away, and comes back
	Missing EventType = abi.EventMissing // what it requires is not there
	Resume  EventType = abi.EventResume  // what it requires is there again; or, see Granted, its update may begin
	Poll    EventType = abi.EventPoll    // what has become of the grant that it took, see InProgress?
)

// Event is what a module is to be told. Its methods return what the event says,
// "" or 0 where it says nothing.
type Event struct {
	Gateway
	Type EventType
}

// Attribute returns an attribute of the event, a member of its data, or, with
// Poll, what Reply.Remember has kept, as a text.
func (e *Event) Attribute(name string) (text string, ok bool) {
	t := &e.g.texts
	buf := t.room()
	n := int(e.g.host.GetAttr(name, buf))
	if n < 0 {
		return "", false
	}
	if n > len(buf) {
		t.more(n)
		e.g.host.GetAttr(name, t.free)
	}
	return t.cut(n), true
}

func (e *Event) text(name string) string {
	s, _ := e.Attribute(name)
	return s
}

func (e *Event) number(name string) uint64 {
	n, _ := strconv.ParseUint(e.text(name), 10, 64)
	return n
}

// ID returns the event's id, the same each time the module is told of it.
func (e *Event) ID() string { return e.text("id") }

// Receiver returns the module that is told.
func (e *Event) Receiver() string { return e.text("receiver") }

// Subject returns what the event is about: the id of a requirement, or the
// receiver itself.
func (e *Event) Subject() string { return e.text("subject") }

// Module returns the module that it is about.
func (e *Event) Module() string { return e.text("module") }

// Version returns that module's version.
func (e *Event) Version() string { return e.text("version") }

// Required returns the range of versions that the receiver requires.
func (e *Event) Required() string { return e.text("required") }

// Found returns the version that there is instead.
func (e *Event) Found() string { return e.text("found") }

// Reason returns why, such as "updating".
func (e *Event) Reason() string { return e.text("reason") }

// Outcome returns how an announcement of the receiver's own ended, such as
// "granted".
func (e *Event) Outcome() string { return e.text("outcome") }

// TTL returns for how long a DELAY holds.
func (e *Event) TTL() time.Duration { return time.Duration(e.number("ttl_ms")) * time.Millisecond }

// Epoch returns the receiver's epoch.
func (e *Event) Epoch() uint64 { return e.number("epoch") }

// Granted reports whether the event is a grant: the receiver is to do its
// update now. Poll asks what has become of one.
func (e *Event) Granted() bool { return e.Type == Resume && e.Outcome() == "granted" }

// JSON returns the event as a CloudEvent.
func (e *Event) JSON() string {
	return e.g.texts.read(func(buf []byte) uint32 { return uint32(max(0, e.g.host.GetEvent(buf))) })
}

// Reply is a module's answer to what Encode made.
type Reply struct{ *Response }

// ByRule returns the verdict that holds without an adapter: a 2xx is
// Acknowledged, anything else Retry.
func (r *Reply) ByRule() Verdict {
	if !r.Failed && r.Status()/100 == 2 {
		return Acknowledged
	}
	return Retry
}

// After says, of InProgress, how long to wait before Encode is called with
// Poll: from 50 ms to 10 minutes, a second if nothing is said.
func (r *Reply) After(d time.Duration) {
	r.Remember("poll_ms", strconv.FormatInt(d.Milliseconds(), 10))
}

// Remember keeps a text, of InProgress, for the Event of that Poll: see
// Event.Attribute.
func (r *Reply) Remember(name, text string) { r.g.host.SetAttr(name, text) }

// Reason gives the administrator the module's own words, at most 1 KiB of them.
func (r *Reply) Reason(text string) { r.Remember("reason", text) }

// Message is a request that the module itself sent to the gateway. If Decode
// neither announces nor answers anything, it is no message, and goes on as any
// request does.
type Message struct {
	*Request
	announced int
	malformed bool
}

// AnnouncementType is what a module says of itself.
type AnnouncementType uint32

// The types of announcements.
const (
	Update     AnnouncementType = abi.AnnounceUpdate     // it wants to update
	Disconnect AnnouncementType = abi.AnnounceDisconnect // it goes away
	Resumed    AnnouncementType = abi.AnnounceResume     // it is there again: RESUME
)

// Announcement is what a module says of itself.
type Announcement struct {
	Type     AnnouncementType
	Seq      uint64        // rises with each announcement of the instance; 0: the gateway counts
	Expected time.Duration // how long it will take; 0: not known
	Reason   string        // its own words, at most 1 KiB of them
}

// Announce makes an announcement for the module before it is answered, and
// reports whether it was right. There may be 16.
func (m *Message) Announce(a Announcement) bool {
	h := m.g.host
	h.SetAttr("seq", strconv.FormatUint(a.Seq, 10))
	h.SetAttr("expected", a.Expected.String())
	h.SetAttr("reason", a.Reason)
	if h.Emit(uint32(a.Type)) != 0 {
		return false
	}
	m.announced++
	return true
}

// Malformed says that it was meant to be a message, and cannot be understood:
// nothing is announced, and it is answered 400 if Answer says nothing else.
func (m *Message) Malformed() { m.malformed = true }
