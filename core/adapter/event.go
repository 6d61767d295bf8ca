package adapter

import (
	"fmt"
	"time"

	"github.com/modgate/modgate/core/message"
)

// Event is what a module is to be told: a notice, a grant (a RESUME about the
// module itself with the outcome granted), or, with Poll, the question what
// has become of such a one.
type Event struct {
	message.Notice
	Poll   bool        // the module was told, and answered that it is still at it
	Memory []Attribute // with Poll: what the last Reply remembered
}

// Attribute is a name with a text.
type Attribute struct{ Name, Value string }

// Encoding says what becomes of an Event.
type Encoding struct {
	Send bool // the request is to be sent; false: the module needs not be told, which counts as acknowledged
	Call Call // for Reply
}

// Reply is what a module's answer to an Event means.
type Reply struct {
	Verdict Verdict
	After   time.Duration // InProgress: how long to wait before Encode is called with Poll
	Memory  []Attribute   // InProgress: for the Event of that Poll
	Reason  string        // the module's own words for the administrator; never for a client
}

// Verdict is how telling a module ended. The zero value is invalid.
type Verdict uint8

// The verdicts.
const (
	Acknowledged Verdict = iota + 1 // it took the notice; of a grant: it has done its update
	Retry                           // tell it again later
	GiveUp                          // it will never take this one; of a grant: its update failed
	InProgress                      // it took the grant and is at it: ask again after Reply.After
)

var verdictNames = [...]string{"invalid", "acknowledged", "retry", "give-up", "in-progress"}

func (v Verdict) String() string { return name(verdictNames[:], v) }

// Health is an adapter's judgement. The zero value leaves it to the default
// rule.
type Health uint8

// The judgements.
const (
	ByRule   Health = iota // as if there were no adapter
	Up                     // it can serve
	Degraded               // it can serve, and the administrator should look at it
	Down                   // it cannot serve
	Starting               // it cannot serve yet; this counts as no failure
)

var healthNames = [...]string{"by-rule", "up", "degraded", "down", "starting"}

func (h Health) String() string { return name(healthNames[:], h) }

func name[E ~uint8](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("%d", e)
}
