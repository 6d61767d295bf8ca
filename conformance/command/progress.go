package command

import (
	"fmt"
	"io"
	"os"

	"github.com/modgate/modgate/conformance/suite"
)

// progress shows how far a run is: a line that changes on a terminal, and one
// line for each case that failed, or for every case.
type progress struct {
	out               io.Writer
	verbose, terminal bool
	passed, failed    int
	skipped           int
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *progress) show(r suite.Result) {
	p.clear()
	switch r.Outcome {
	case suite.Passed:
		p.passed++
	case suite.Failed:
		p.failed++
	case suite.Skipped:
		p.skipped++
	}
	if p.verbose || r.Outcome == suite.Failed {
		fmt.Fprintf(p.out, "%-8v %-40s %6.2fs  %v\n", r.Outcome, r.Case.Name, r.Took.Seconds(), r.Case.Rules)
	}
	if r.Outcome == suite.Failed {
		fmt.Fprintf(p.out, "\t%s\n\t%s\n", r.Case.Title, r.Reason)
	}
	if p.terminal {
		fmt.Fprintf(p.out, "%d passed, %d failed, %d skipped", p.passed, p.failed, p.skipped)
	}
}

// clear takes the changing line away.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
