// Command steps runs entrance.go, and the mutants of it, through all small
// worlds. It prints what it found, one variant a line, and ends with 1 if that
// is not what was to be found.
package main

import (
	"fmt"
	"os"
	"strings"

	"steps/schedule"
)

// variant is an entrance.go, under its name; "": the one that is in use.
type variant struct {
	name  string
	build func(drained func(turn uint64)) entrance
}

func main() {
	status := 0
	for _, v := range variants {
		states, err := v.explore()
		switch {
		case v.name == "" && err != nil:
			status = 1
			fmt.Println(err)
		case v.name == "":
			fmt.Printf("%d states of %d worlds\n", states, len(worlds))
		case err == nil:
			status = 1
			fmt.Printf("%s: nobody noticed\n", v.name)
		default:
			what, _, _ := strings.Cut(err.Error(), ", after")
			fmt.Printf("%s: %s\n", v.name, what)
		}
	}
	os.Exit(status)
}

func (v variant) explore() (states int, err error) {
	for _, w := range worlds {
		n, err := schedule.Explore(func() schedule.World {
			h := &house{}
			h.entrance = v.build(h.report)
			return w.build(h)
		})
		states += n
		if err != nil {
			return states, fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return states, nil
}
