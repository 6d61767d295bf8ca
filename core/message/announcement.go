package message

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/modgate/modgate/core/module"
)

// Verb is what an announcement says. The zero value is invalid.
type Verb uint8

// The announcements (glossary).
const (
	Update Verb = iota + 1
	Resume
	Disconnect
)

var verbNames = [...]string{"", "update", "resume", "disconnect"}

func (v Verb) String() string { return verbNames[v] }

// MarshalText writes the wire word.
func (v Verb) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (v *Verb) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return errors.New(`type is missing: want "update", "resume" or "disconnect"`)
	}
	return parse(v, verbNames[:], b, `type: want "update", "resume" or "disconnect"`)
}

// Announcement is a message from a module (3.3).
type Announcement struct {
	Type     Verb     `json:"type"`
	Seq      uint64   `json:"seq"`                // rises per instance (U7)
	Expected Duration `json:"expected,omitempty"` // a hint to policies, nothing else
	Reason   string   `json:"reason,omitempty"`
}

// Check returns everything that is wrong with a, or nil.
func (a Announcement) Check() []Fault {
	var fs faults
	if a.Type == 0 {
		fs.add("/type", `want "update", "resume" or "disconnect"`)
	}
	if a.Seq == 0 {
		fs.add("/seq", "want a number from 1 on that rises with each announcement of the instance")
	}
	if a.Expected < 0 {
		fs.add("/expected", "want a positive duration such as 90s")
	}
	if len(a.Reason) > maxReason {
		fs.add("/reason", fmt.Sprintf("want at most %d bytes", maxReason))
	}
	return fs
}

// maxReason bounds an announcement's own words.
const maxReason = 1024

// Outcome is how an announcement ended. The zero value is Pending.
type Outcome uint8

// The outcomes of 3.3.
const (
	Pending Outcome = iota
	Granted
	Resumed
	Disconnected
	Done
	Withdrawn
	Refused
	Expired
)

var outcomeNames = [...]string{"", "granted", "resumed", "disconnected", "done", "withdrawn", "refused", "expired"}

func (o Outcome) String() string { return outcomeNames[o] }

// MarshalText writes the wire word.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *Outcome) UnmarshalText(b []byte) error { return parse(o, outcomeNames[:], b, "outcome") }

// OnDelay says what suits a module as a caller of a delayed one (A8). The
// zero value is Park.
type OnDelay uint8

// What a caller wants of a DELAY.
const (
	Park OnDelay = iota
	Reply
)

var onDelayNames = [...]string{"park", "reply"}

func (o OnDelay) String() string { return onDelayNames[o] }

// MarshalText writes "park" or "reply".
func (o OnDelay) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *OnDelay) UnmarshalText(b []byte) error {
	return parse(o, onDelayNames[:], b, `on_delay: want "park" or "reply"`)
}

// Route is a path that a module version serves.
type Route struct {
	Methods   []string `json:"methods,omitempty"` // empty: any
	Path      string   `json:"path"`
	Interface string   `json:"interface,omitempty"` // D3: then only requirements on it, or on the module, count
}

// Registration is the body of POST /v1/instances.
type Registration struct {
	Module   string               `json:"module"`
	Version  module.Version       `json:"version"`
	Instance string               `json:"instance,omitempty"` // empty: the gateway makes one
	Upstream string               `json:"upstream"`
	Protocol Protocol             `json:"protocol,omitempty"`
	Routes   []Route              `json:"routes,omitempty"`
	Provides []module.Interface   `json:"provides,omitempty"`
	Requires []module.Requirement `json:"requires,omitempty"`
	Replaces []string             `json:"replaces,omitempty"` // modules whose routes go to this one when it serves (V10)
	Lease    Duration             `json:"lease,omitempty"`    // zero: the module's default
	OnDelay  OnDelay              `json:"on_delay,omitempty"`
	Webhook  string               `json:"webhook,omitempty"`
}

// A Fault is one thing wrong with a message: a JSON pointer (RFC 6901) and
// what to do about it.
type Fault struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Registration bounds beyond the 256 KiB of 3.3.
const (
	maxRoutes       = 2000
	maxInterfaces   = 500
	maxRequirements = 500
	maxReplaced     = 100
)

// Check returns everything that is wrong with r, or nil.
func (r Registration) Check() []Fault {
	var fs faults
	fs.wrap("/module", module.CheckName(r.Module))
	if r.Version.IsZero() {
		fs.add("/version", "want a semantic version such as 1.4.0")
	}
	if r.Instance != "" {
		fs.wrap("/instance", module.CheckInstance(r.Instance))
	}
	fs.wrap("/upstream", checkUpstream(r.Upstream))
	fs.wrap("/protocol", checkProtocol(r.Protocol, r.Upstream))
	if r.Webhook != "" {
		fs.wrap("/webhook", checkWebhook(r.Webhook))
	}
	if r.Lease < 0 {
		fs.add("/lease", "want a positive duration such as 10s")
	}
	if len(r.Routes) > maxRoutes || len(r.Provides) > maxInterfaces || len(r.Requires) > maxRequirements {
		fs.add("", fmt.Sprintf("want at most %d routes, %d provided interfaces and %d requirements", maxRoutes, maxInterfaces, maxRequirements))
		return fs
	}
	for i, rt := range r.Routes {
		_, err := ParsePattern(rt.Path)
		fs.wrapIn("/routes/%d/path", i, err)
	}
	for i, p := range r.Provides {
		fs.wrapIn("/provides/%d/id", i, module.CheckInterface(p.ID))
	}
	for i, q := range r.Requires {
		fs.wrapIn("/requires/%d/id", i, module.CheckInterface(q.ID))
		_, err := module.ParseRange(q.Range, q.Scheme)
		fs.wrapIn("/requires/%d/range", i, err)
	}
	checkReplaces(&fs, r)
	return fs
}

func checkReplaces(fs *faults, r Registration) {
	if len(r.Replaces) > maxReplaced {
		fs.add("/replaces", fmt.Sprintf("want at most %d modules", maxReplaced))
		return
	}
	for i, name := range r.Replaces {
		at := fmt.Sprintf("/replaces/%d", i)
		fs.wrap(at, module.CheckName(name))
		if name == r.Module {
			fs.add(at, "a module does not replace itself: a higher version of it takes over by itself (V2)")
		}
	}
}

type faults []Fault

func (fs *faults) add(pointer, detail string) { *fs = append(*fs, Fault{pointer, detail}) }

func (fs *faults) wrap(pointer string, err error) {
	if err != nil {
		fs.add(pointer, err.Error())
	}
}

// checkUpstream admits the origin of an HTTP server: no path, no query, no
// user, since the path of a request is forwarded untouched.
func checkUpstream(s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
		(u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("want the origin of an HTTP server, such as http://127.0.0.1:9101")
	}
	return nil
}

func checkWebhook(s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return errors.New("want an http or https URL, such as http://127.0.0.1:9101/_modgate")
	}
	return nil
}

// Registered answers a registration.
type Registered struct {
	Instance      string        `json:"instance"`
	Token         string        `json:"token"`
	WebhookSecret string        `json:"webhook_secret"`
	Epoch         *uint64       `json:"epoch,omitempty"` // absent: it may not write now (U8)
	Lease         Duration      `json:"lease"`
	State         State         `json:"state"`
	Requirements  []Requirement `json:"requirements"`
}

// Renewed answers a lease renewal.
type Renewed struct {
	State State    `json:"state"`
	Epoch *uint64  `json:"epoch,omitempty"` // absent: it may not write now (U8)
	Lease Duration `json:"lease"`
}

// Answer answers an announcement: with an outcome, or, while it is pending,
// with the notice DELAY and the time that is left.
type Answer struct {
	Outcome Outcome  `json:"outcome,omitempty"`
	Notice  string   `json:"notice,omitempty"`
	TTL     Duration `json:"ttl,omitzero"`
	Detail  string   `json:"detail,omitempty"` // of DELAY: in the words of the policy that deferred the UPDATE (U1)
	Epoch   *uint64  `json:"epoch,omitempty"`  // absent: it may not write now (U8)
	State   State    `json:"state"`
}

// RetryAfter returns d in whole seconds, rounded up (3.2).
func RetryAfter(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}

// wrapIn is wrap for the element i of a list; its pointer is only written if
// something is wrong.
func (fs *faults) wrapIn(pointer string, i int, err error) {
	if err != nil {
		fs.add(fmt.Sprintf(pointer, i), err.Error())
	}
}
