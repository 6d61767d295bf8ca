package policies

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/fallback"
)

// Class says what is wrong with a unit. The zero value is invalid.
type Class uint8

// The classes of faults.
const (
	Broken    Class = iota + 1 // its files do not compile: its last good text holds
	Conflict                   // two rules gave one decision two values
	Spent                      // it took more steps or time than it may
	Invalid                    // its decision is not one: schemas/
	Failed                     // OPA could not evaluate it
	Forbidden                  // it said what no policy may say of a module in that state (A3)
)

var classNames = [...]string{"", "broken", "conflict", "too expensive", "invalid decision", "failed", "forbidden decision"}

func (c Class) String() string { return classNames[c] }

// Fault is what a unit did wrong. No caller ever sees it: the next unit is
// asked.
type Fault struct {
	Unit       string              // "site", "modules/catalogue"
	Class      Class               //
	Entrypoint fallback.Entrypoint // that was asked; empty when Broken
	Module     string              // that was asked about; empty when Broken
	Detail     string              // with file and line where there is one
}

func (f Fault) String() string {
	if f.Class == Broken {
		return fmt.Sprintf("policy %s is %s, its last good text holds: %s", f.Unit, f.Class, f.Detail)
	}
	return fmt.Sprintf("policy %s, asked %s about %s: %s, the next unit decided: %s", f.Unit, f.Entrypoint, f.Module, f.Class, f.Detail)
}

// Diagnostic is what an author did wrong, and what to do.
type Diagnostic struct {
	File string `json:"file"`           // below Options.Dir, or as it was given
	Line int    `json:"line,omitempty"` // from 1; 0 if it is about the file
	Text string `json:"text"`
}

func (d Diagnostic) String() string { return d.prefix() + d.Text }

func (d Diagnostic) prefix() string {
	if d.Line == 0 {
		return d.File + ": "
	}
	return fmt.Sprintf("%s:%d: ", d.File, d.Line)
}

// Diagnostics is a list of what authors did wrong: all of it, by file and
// line. As an error it is what Reload returns.
type Diagnostics []Diagnostic

func (d Diagnostics) Error() string {
	lines := make([]string, len(d))
	for i := range d {
		lines[i] = d[i].String()
	}
	return strings.Join(lines, "\n")
}

// Within returns d with its files named as they are seen from where dir is.
func (d Diagnostics) Within(dir string) Diagnostics {
	out := slices.Clone(d)
	for i := range out {
		out[i].File = filepath.Join(dir, out[i].File)
	}
	return out
}

// unit returns the unit, or the file, that d is about.
func (d Diagnostic) unit() string {
	if u, ok := unitOf(d.File); ok {
		return u
	}
	return d.File
}
