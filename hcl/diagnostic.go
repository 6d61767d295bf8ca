package hcl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Severity says what a diagnostic means for the configuration. The zero
// value is invalid.
type Severity uint8

// The severities.
const (
	Error   Severity = iota + 1 // there is no configuration
	Warning                     // there is one
)

var severityNames = [...]string{"", "error", "warning"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText writes "error" or "warning".
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(b []byte) error {
	i := slices.Index(severityNames[1:], string(b))
	if i < 0 {
		return fmt.Errorf("severity %q: want \"error\" or \"warning\"", b)
	}
	*s = Severity(i + 1)
	return nil
}

// A Diagnostic is one thing that an operator should know of what was read.
// Lines and columns begin with 1; columns count characters. Without a File
// it is about the whole configuration.
type Diagnostic struct {
	Severity  Severity `json:"severity"`
	Summary   string   `json:"summary"` // terse
	Detail    string   `json:"detail"`  // what is wrong, and what to do
	File      string   `json:"file,omitempty"`
	Line      int      `json:"line,omitempty"`
	Column    int      `json:"column,omitempty"`
	EndColumn int      `json:"end_column,omitempty"` // first one after it, on Line
	Source    string   `json:"source,omitempty"`     // text of Line, unless it speaks of a secret or is very long
}

// String writes d for people: place, summary, source with a mark below it,
// detail.
func (d Diagnostic) String() string {
	var b strings.Builder
	if d.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", d.File, d.Line, d.Column)
	}
	fmt.Fprintf(&b, "%s: %s\n", d.Severity, d.Summary)
	if d.Source != "" {
		fmt.Fprintf(&b, "%5d | %s\n      | %s\n", d.Line, d.Source, d.mark())
	}
	if d.Detail != "" {
		fmt.Fprintf(&b, "  %s\n", d.Detail)
	}
	return b.String()
}

// mark returns carets below the columns of d, tabs kept.
func (d Diagnostic) mark() string {
	var b strings.Builder
	for i, r := range []rune(d.Source) {
		if i >= d.Column-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String() + strings.Repeat("^", max(1, d.EndColumn-d.Column))
}

// maxExcerpt is the length of a line, in bytes, that is still shown.
const maxExcerpt = 400

// Diagnostics is all that is to say of a configuration, in the order of
// files and lines.
type Diagnostics []Diagnostic

// HasErrors reports whether there is no configuration.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// String writes all of them for people.
func (ds Diagnostics) String() string {
	texts := make([]string, len(ds))
	for i, d := range ds {
		texts[i] = d.String()
	}
	return strings.Join(texts, "\n")
}

// report turns what was found into our own diagnostics, sorted, each once.
// What stands where secrets are written is not shown, nor are texts that are to
// be hidden.
func report(found hcl.Diagnostics, sources []source, secrets []hcl.Range, texts []string) Diagnostics {
	hidden := func(r hcl.Range) bool {
		return slices.ContainsFunc(secrets, func(s hcl.Range) bool {
			return s.Filename == r.Filename && s.Start.Line <= r.Start.Line && r.Start.Line <= s.End.Line
		})
	}
	ds := Diagnostics{} // in JSON a list, also of none
	lines := excerpts{}
	for _, f := range found {
		d := Diagnostic{Severity: Error, Summary: f.Summary, Detail: f.Detail}
		for _, text := range texts {
			d.Detail = strings.ReplaceAll(d.Detail, text, redacted)
		}
		if f.Severity == hcl.DiagWarning {
			d.Severity = Warning
		}
		if r := f.Subject; r != nil {
			d.File, d.Line, d.Column = r.Filename, r.Start.Line, r.Start.Column
			line := lines.lineOf(sources, *r)
			d.EndColumn = r.End.Column
			if r.End.Line != r.Start.Line {
				d.EndColumn = max(d.Column, len([]rune(line))) + 1
			}
			if len(line) <= maxExcerpt && !strings.Contains(line, "secret") && !hidden(*r) {
				d.Source = line
			}
		}
		ds = append(ds, d)
	}
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(ds)
}

// redacted stands for what is not shown.
const redacted = "[secret]"

// excerpts are the lines of sources that were asked for, by file.
type excerpts map[string][]string

// lineOf returns the line that r begins on, or nothing if it is not there.
func (e excerpts) lineOf(sources []source, r hcl.Range) string {
	lines, cut := e[r.Filename]
	if !cut {
		lines = strings.SplitAfter(string(textOfFile(sources, r.Filename)), "\n")
		e[r.Filename] = lines
	}
	if r.Start.Line < 1 || r.Start.Line > len(lines) {
		return ""
	}
	return strings.ToValidUTF8(strings.TrimRight(lines[r.Start.Line-1], "\r\n"), "\uFFFD")
}

// textOfFile returns the text of the source of that name, or nothing.
func textOfFile(sources []source, name string) []byte {
	for _, s := range sources {
		if s.name == name {
			return s.text
		}
	}
	return nil
}

// place writes where r begins, for a detail that speaks of a second place.
func place(r hcl.Range) string {
	return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line)
}
