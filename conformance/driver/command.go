// Package driver starts and ends the core under test as a process of its own,
// by a command line, with a configuration that it writes (README.md, "the
// driver contract").
//
// It decides addresses, folders and signals. It never speaks HTTP beyond
// asking whether the core is ready.
package driver

import (
	"errors"
	"fmt"
	"strings"
)

// Command is the command line of a core, as a template.
type Command []string

// Placeholders of a command line.
const (
	ConfigPlace  = "{config}"  // the configuration's file
	DirPlace     = "{dir}"     // the data directory
	DataPlace    = "{data}"    // address of the data listener
	ControlPlace = "{control}" // address of the control listener
)

// ParseCommand reads a command line: words, with '...' or "..." around those
// that have blanks.
func ParseCommand(line string) (Command, error) {
	var c Command
	var word strings.Builder
	in, quote := false, rune(0)
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ' || r == '\t':
			if in {
				c, in = append(c, word.String()), false
				word.Reset()
			}
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("command line: a %c has no end", quote)
	}
	if in {
		c = append(c, word.String())
	}
	if len(c) == 0 {
		return nil, errors.New("command line: it is empty")
	}
	return c, nil
}

// fill returns the command with its places filled.
func (c Command) fill(config, dir, data, control string) []string {
	r := strings.NewReplacer(ConfigPlace, config, DirPlace, dir, DataPlace, data, ControlPlace, control)
	out := make([]string, len(c))
	for i, w := range c {
		out[i] = r.Replace(w)
	}
	return out
}
