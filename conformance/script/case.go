// Package script reads conformance cases: files that say what the core under
// test is given, which steps modules, clients and administrators take, and
// what they expect (cases/GRAMMAR.md).
//
// It decides what is a well-formed case, and never takes a step.
package script

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Case is one file.
type Case struct {
	Name     string // path below the root, without the extension
	Title    string // first paragraph, on one line
	Rules    []string
	Features []string
	Gateway  string   // attributes and blocks for the gateway block
	Config   string   // further blocks of the configuration
	Later    []File   // further blocks for reloads, by name
	Policies []File   // further files, below the folder of policies
	Adapters []string // files of the suite's own, for the folder of plugins
	Steps    []Step
}

// File is a file that a case brings along.
type File struct{ Name, Text string }

// Step is what one actor does, and what is to come of it.
type Step struct {
	File    string
	Line    int
	Text    string // as written
	Actor   string
	Verb    *Verb
	Args    []string
	Options []Option // in the order written
	Label   string   // of a step that is not waited for
	Checks  []Check
	Macro   string // a whole answer of section 3.2 or 3.3, such as DELAY
}

// Pos is where the step stands, as file:line.
func (s Step) Pos() string { return fmt.Sprintf("%s:%d", s.File, s.Line) }

// Option is a name=value beside a step's arguments.
type Option struct{ Name, Value string }

// Get returns the last value of an option.
func (s Step) Get(name string) (value string, found bool) {
	for _, o := range s.Options {
		if o.Name == name {
			value, found = o.Value, true
		}
	}
	return value, found
}

// All returns every value of an option, in order.
func (s Step) All(name string) []string {
	var out []string
	for _, o := range s.Options {
		if o.Name == name {
			out = append(out, o.Value)
		}
	}
	return out
}

// Duration returns an option, a length of time, or otherwise without it. The
// parser has checked it.
func (s Step) Duration(name string, otherwise time.Duration) time.Duration {
	if value, found := s.Get(name); found {
		if d, err := time.ParseDuration(value); err == nil {
			return d
		}
	}
	return otherwise
}

// Check is one thing that is expected of an answer, a notice or a request.
type Check struct {
	Field string // "status", "in", "from", "body", "@Header", "@Header;param", or a path into JSON
	Op    Op
	Value string
}

func (c Check) String() string { return c.Field + string(c.Op) + c.Value }

// Op compares.
type Op string

// What a check may compare by.
const (
	Equal      Op = "="
	NotEqual   Op = "!="
	Less       Op = "<"
	AtMost     Op = "<="
	More       Op = ">"
	AtLeast    Op = ">="
	Contains   Op = "~"
	ContainsNo Op = "!~"
	Present    Op = "?"
	Absent     Op = "!"
	Save       Op = ":=" // into the variable named by the value
)

// Has reports whether the case needs a feature.
func (c *Case) Has(feature string) bool { return slices.Contains(c.Features, feature) }

// Errors are all that is wrong with a set of cases, each with its place.
type Errors []string

func (e Errors) Error() string { return strings.Join(e, "\n") }
