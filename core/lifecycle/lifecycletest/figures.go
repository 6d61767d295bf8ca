package lifecycletest

import (
	"fmt"
	"strings"

	"github.com/modgate/modgate/core/message"
)

// Figures say how much was explored.
type Figures struct {
	States, Steps, Ticks int
	Changes              Changes
}

// Changes tells from which phase an instance came into which in one step.
type Changes [message.Out + 1][message.Out + 1]bool

// Join adds those of d to c.
func (c *Changes) Join(d *Changes) {
	for from := range c {
		for to := range c {
			c[from][to] = c[from][to] || d[from][to]
		}
	}
}

// String returns a table: a row for each phase of before, a column for each
// of after.
func (c *Changes) String() string {
	var b strings.Builder
	b.WriteString("         ")
	for to := range c {
		fmt.Fprintf(&b, " %8s", message.Phase(to))
	}
	for from := range c {
		fmt.Fprintf(&b, "\n%-9s", message.Phase(from))
		for to := range c {
			fmt.Fprintf(&b, " %8s", [...]string{"-", "x"}[bit(c[from][to])])
		}
	}
	return b.String() + "\n"
}
