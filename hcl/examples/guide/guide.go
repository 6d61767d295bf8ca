// Package guide runs the examples of a guide in Markdown: the fenced blocks
// "sh run", in order and in one shell, and compares what they print with the
// "want" block that follows.
//
// It decides what an example is and whether it holds. It never starts what
// the examples talk to.
package guide

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Example is a block to run, and what it must print.
type Example struct {
	Line   int    // of its opening fence
	Script string // for bash
	Want   string // empty: anything; "..." stands for any text
}

// Examples returns the examples of a guide.
func Examples(markdown string) []Example {
	var all []Example
	var block []string
	var info string
	begun, inside := 0, false
	for i, line := range strings.Split(markdown, "\n") {
		rest, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !inside:
			info, begun, inside, block = rest, i+1, true, nil
		case fence:
			inside = false
			text := strings.Join(block, "\n")
			if info == "sh run" {
				all = append(all, Example{Line: begun, Script: text})
			} else if strings.HasSuffix(info, " want") && len(all) > 0 {
				all[len(all)-1].Want = text
			}
		case inside:
			block = append(block, line)
		}
	}
	return all
}

// Run runs examples in dir, each for as long as ctx lasts, with environment
// ("NAME=value") added to the process' own. It returns all that was not as
// wanted; a script that fails ends the run.
func Run(ctx context.Context, dir string, environment []string, examples []Example) error {
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for i, e := range examples {
		fmt.Fprintf(&script, "exec >%s 2>&1\n%s\n", filepath.Join(dir, fmt.Sprintf("example-%d", i)), e.Script)
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment...)
	runErr := cmd.Run()

	var errs []error
	for i, e := range examples {
		text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("example-%d", i)))
		if errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("line %d and what follows: did not run: %w", e.Line, runErr))
			break
		}
		if err != nil {
			return err
		}
		if !Matches(string(text), e.Want) {
			errs = append(errs, fmt.Errorf("line %d: printed\n%s\nwant\n%s", e.Line, text, e.Want))
		}
	}
	if errs == nil && runErr != nil {
		errs = append(errs, fmt.Errorf("the last example: %w", runErr))
	}
	return errors.Join(errs...)
}

// Matches reports whether text holds the parts of want in their order, where
// "..." separates parts. White space does not count.
func Matches(text, want string) bool {
	text = squeeze(text)
	for part := range strings.SplitSeq(squeeze(want), "...") {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }
