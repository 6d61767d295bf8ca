// Package alert tells administrators what they must know: once when an
// incident begins, and once when it ends (lifecycle.md G5). Modules may send
// them messages, which have no end.
//
// It decides what is news, and how much of it is let through. It never
// decides that something is an incident.
package alert

import (
	"context"
	"fmt"
	"time"
)

// Severity says how urgent an alert is. The zero value is Info.
type Severity uint8

// The severities.
const (
	Info     Severity = iota
	Warning           // look at it today
	Critical          // users are turned away
)

var severityNames = [...]string{"info", "warning", "critical"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText writes the word of the control API (3.3).
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(b []byte) error {
	for i, name := range severityNames {
		if name == string(b) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf(`severity: want "info", "warning" or "critical", not %q`, b)
}

// Alert is what an administrator is told.
type Alert struct {
	Key      string   `json:"key,omitempty"` // of the incident, such as missing/inventory; of a message: ""
	Severity Severity `json:"severity"`
	Module   string   `json:"module,omitempty"` // that it is about
	Summary  string   `json:"summary"`          // one line; cut at 256 bytes
	Detail   string   `json:"detail,omitempty"` // cut at 4 KiB
}

// Incident is an alert that has not ended.
type Incident struct {
	Alert
	Since time.Time `json:"since"`
}

// Occasion is why there is a report. The zero value is invalid.
type Occasion uint8

// The occasions.
const (
	Begun Occasion = iota + 1 // an incident was raised
	Ended                     // and cleared
	Said                      // a message; it has no end
)

var occasionNames = [...]string{"", "begun", "ended", "said"}

func (o Occasion) String() string { return occasionNames[o] }

// Report is what a sink passes on.
type Report struct {
	Incident
	Occasion Occasion
	Time     time.Time // of the occasion
	From     string    // instance that said it, else ""
}

// Sink is a way to administrators: the log, and later webhooks and e-mail.
type Sink interface {
	// Send passes r on, or says why it did not. It is called by one goroutine
	// at a time, and must return when ctx ends.
	Send(ctx context.Context, r Report) error
}
