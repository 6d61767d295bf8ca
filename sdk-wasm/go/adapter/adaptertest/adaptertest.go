//go:build !wasip1

// Package adaptertest runs adapters without WebAssembly, so that their authors
// test them with go test, a debugger and a race detector. Its host keeps the
// rules of the gateway's: what would end an instance there panics here. It
// keeps no budgets; modgate plugin test plays an adapter's file in the gateway
// itself.
package adaptertest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
	"github.com/modgate/modgate/sdk-wasm/go/adapter/internal/abi"
)

// Options are what an adapter finds. The zero value is a gateway with nothing
// configured.
type Options struct {
	Config     string            // plugin.config
	Properties map[string]string // such as "module.name"
	Now        time.Time         // zero: the clock's
	Unshared   bool              // plugin.shared is 0
}

// Host is a gateway with one instance of an adapter. It is not for several
// goroutines at a time.
type Host struct {
	// Lines are what the adapter has logged: a level and a text each, as in
	// "warn: who is that?"
	Lines []string

	o            Options
	guest        *adapter.Guest
	capabilities uint32
	features     uint32 // for all requests
	shared       map[string]shared
	call         call
}

type shared struct {
	value string
	until time.Time // zero: for good
}

// New begins an adapter, and fails the test if it refuses its configuration.
func New(t testing.TB, a adapter.Adapter, o Options) *Host {
	t.Helper()
	h, refused := begin(a, o)
	if refused != "" {
		t.Fatalf("the adapter refuses its configuration: %s", refused)
	}
	return h
}

// Refused begins an adapter that must refuse its configuration, and returns
// what it logs.
func Refused(t testing.TB, a adapter.Adapter, o Options) string {
	t.Helper()
	_, refused := begin(a, o)
	if refused == "" {
		t.Fatal("the adapter takes its configuration")
	}
	return refused
}

func begin(a adapter.Adapter, o Options) (_ *Host, refused string) {
	h := &Host{o: o, shared: map[string]shared{}}
	h.guest = adapter.NewGuest(a, h.abi())
	h.capabilities = h.guest.Capabilities()
	h.call = call{phase: starting}
	if h.guest.Configure() != 0 {
		return h, cmp.Or(strings.Join(h.Lines, "\n"), "it does not say why")
	}
	return h, ""
}

func (h *Host) abi() abi.Host { return (*host)(h) }

// Exchange is a request and the answer to it.
type Exchange struct {
	Method, Target   string // "": GET, /
	Protocol, Source string // "": HTTP/1.1, none
	Header, Trailer  http.Header
	Body             string

	Answer *Answer // nil while there is none

	context, features uint32 // what the first hook left
}

// Answer is a module's, or one that the adapter makes.
type Answer struct {
	Status          int // 0: 200
	Header, Trailer http.Header
	Body            string
}

// Request lets the adapter see a request, and reports whether that goes on to
// the module: if not, x has the answer. With the module's answer in x, Response
// ends what it began.
func (h *Host) Request(x *Exchange) (next bool) {
	x.context, x.features = 0, h.features
	if h.capabilities&abi.CapabilityRequest == 0 {
		return true
	}
	h.begin(beforeNext, x)
	result := h.guest.HandleRequest()
	h.end()
	x.context, x.features = uint32(result>>32), h.call.features
	return uint32(result) == abi.NextForward
}

// Response lets the adapter see the answer in x; without one the module was not
// reached.
func (h *Host) Response(x *Exchange) {
	if h.capabilities&abi.CapabilityResponse == 0 {
		return
	}
	failed := ended(x)
	h.begin(afterNext, x)
	h.call.features = x.features
	h.guest.HandleResponse(x.context, failed)
	h.end()
	if failed == 1 {
		x.Answer = nil // what it edits is lost
	}
}

// ended returns 1 if there is no answer.
func ended(x *Exchange) uint32 {
	if x.Answer == nil {
		return 1
	}
	return 0
}

// Event is what the module is to be told.
type Event struct {
	Type adapter.EventType
	// Attributes are those of the event, of its data, and, with Poll, what was
	// remembered: "module", "reason", "ttl_ms" ...
	Attributes map[string]string
}

// Encode lets the adapter turn an event into a request. It returns nil if
// nothing is to be sent.
func (h *Host) Encode(e Event) *Exchange {
	x := e.request()
	if h.capabilities&abi.CapabilityEncode == 0 {
		return x
	}
	h.begin(encoding, x)
	h.call.event = &e
	result := h.guest.LifecycleEncode(uint32(e.Type))
	h.end()
	switch uint32(result) {
	case abi.SendNothing:
		return nil
	case abi.SendDefault:
		x = e.request()
	}
	x.context = uint32(result >> 32)
	return x
}

// Reply is what a module's answer means.
type Reply struct {
	Verdict adapter.Verdict
	After   time.Duration     // with InProgress
	Reason  string            // the module's own words
	Memory  map[string]string // with InProgress: Attributes of the Event that follows, with Poll
}

// Reply lets the adapter say what the answer in x, which Encode made, means;
// without one the module was not reached.
func (h *Host) Reply(x *Exchange) Reply {
	failed := ended(x)
	h.begin(replying, x)
	v := adapter.Acknowledged + adapter.Verdict(h.guest.LifecycleReply(x.context, failed))
	h.end()
	r := Reply{Verdict: v, Memory: map[string]string{}}
	maps.Copy(r.Memory, h.call.draft)
	r.Reason = r.Memory["reason"]
	if v == adapter.InProgress {
		r.After = time.Second
		if ms, err := time.ParseDuration(r.Memory["poll_ms"] + "ms"); err == nil {
			r.After = min(max(ms, 50*time.Millisecond), 10*time.Minute)
		}
	}
	delete(r.Memory, "reason")
	delete(r.Memory, "poll_ms")
	return r
}

// Decoded is what a module's request meant.
type Decoded struct {
	Message       bool // it was for the lifecycle, and x has the answer
	Malformed     bool // it was meant to be
	Announcements []adapter.Announcement
}

// Decode lets the adapter see a request of its module's to the gateway.
func (h *Host) Decode(x *Exchange) (d Decoded) {
	if h.capabilities&abi.CapabilityDecode == 0 {
		return d
	}
	h.begin(decoding, x)
	n := h.guest.LifecycleDecode()
	h.end()
	switch {
	case n < 0:
		d.Message, d.Malformed = true, true
	case n > 0:
		d.Message, d.Announcements = true, h.call.emitted
	}
	return d
}

// Probe lets the adapter edit the request that asks for the module's health.
func (h *Host) Probe() *Exchange {
	x := &Exchange{Target: "/health"}
	if h.capabilities&abi.CapabilityProbe == 0 {
		return x
	}
	h.begin(probing, x)
	result := h.guest.HealthRequest()
	h.end()
	if uint32(result) != abi.SendEdited {
		x = &Exchange{Target: "/health"}
	}
	x.context = uint32(result >> 32)
	return x
}

// Judge lets the adapter say what the answer in x, which Probe made, means;
// without one the module was not reached.
func (h *Host) Judge(x *Exchange) adapter.Health {
	if h.capabilities&abi.CapabilityProbe == 0 {
		return adapter.ByRule
	}
	failed := ended(x)
	h.begin(judging, x)
	health := adapter.Health(h.guest.HealthResponse(x.context, failed))
	h.end()
	if health > adapter.Starting {
		panic(Misuse(fmt.Sprintf("health_response returned %d: 0 to 4 is expected", health)))
	}
	return health
}
