package adapter

import (
	"fmt"
	"time"
)

// View is what the administrator sees of an adapter.
type View struct {
	Adapter     string     `json:"adapter"`
	Modules     []string   `json:"modules"` // whose it is
	State       State      `json:"state"`
	Until       *time.Time `json:"until,omitempty"` // of the quarantine
	Generation  uint64     `json:"generation,omitempty"`
	Loaded      *time.Time `json:"loaded,omitempty"`
	SHA256      string     `json:"sha256,omitempty"`
	Size        int        `json:"size,omitempty"` // of the file, in bytes
	Hooks       []string   `json:"hooks,omitempty"`
	Instances   int        `json:"instances,omitempty"`
	Memory      uint64     `json:"memory,omitempty"` // of all instances, in bytes
	Calls       uint64     `json:"calls"`            // into this generation
	Faults      uint64     `json:"faults"`           // of all generations
	LastFault   *Fault     `json:"last_fault,omitempty"`
	Refused     string     `json:"refused,omitempty"` // why the file that is there is not in force
	LoadSeconds float64    `json:"load_seconds,omitempty"`
}

// State says how an adapter is.
type State string

// The states of an adapter.
const (
	Running     State = "running"
	Quarantined State = "quarantined" // it failed too often, and is not asked for a while
	Refused     State = "refused"     // its file is wrong, and none was right before
	Absent      State = "absent"      // there is no file
)

// States lists the states.
var States = []State{Running, Quarantined, Refused, Absent}

// Fault is something that went wrong in an adapter.
type Fault struct {
	Adapter     string    `json:"adapter"`
	Module      string    `json:"module,omitempty"`
	Generation  uint64    `json:"generation"`
	Hook        string    `json:"hook"` // in which
	Kind        Kind      `json:"kind"`
	Text        string    `json:"text"`            // for the administrator: may hold what the adapter or a client said
	Trace       string    `json:"trace,omitempty"` // the functions of the adapter that were under way, a line each, the innermost first
	Time        time.Time `json:"time"`
	Quarantined bool      `json:"quarantined"` // the adapter is not asked for a while
}

func (f Fault) String() string {
	return fmt.Sprintf("adapter %s failed in %s (%s): %s", f.Adapter, f.Hook, f.Kind, f.Text)
}

// Kind is what kind of fault it was.
type Kind string

// The kinds of faults.
const (
	Trap     Kind = "trap"   // it crashed
	Overtime Kind = "time"   // it took more work than its budget
	Overflow Kind = "stack"  // it called too deep
	Exit     Kind = "exit"   // it ended itself
	Misuse   Kind = "misuse" // it asked for what is not allowed
	Lost     Kind = "lost"   // what began a request crashed before its answer came
	Busy     Kind = "busy"   // it has too much to do
)
