package script

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Extension is that of a case's file.
const Extension = ".case"

// Load reads every case below a root, in the order of their names. The error
// is an Errors with all that is wrong, or that a file could not be read.
func Load(root fs.FS) ([]*Case, error) {
	var cases []*Case
	var wrong Errors
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != Extension {
			return err
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		c, faults := Parse(name, string(text))
		wrong = append(wrong, faults...)
		cases = append(cases, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	if wrong != nil {
		return nil, wrong
	}
	return cases, nil
}

var (
	ruleForm    = regexp.MustCompile(`^([A-Z][0-9]{1,2}|3\.[0-9]-[a-z-]+)$`)
	sectionForm = regexp.MustCompile(`^(rules|needs|gateway|config|policy|adapter|steps)\b`)
)

// parser is at one line of one case.
type parser struct {
	c      *Case
	file   string
	line   int
	wrong  Errors
	labels map[string]*Step
	used   map[string]bool // labels that are looked at
}

func (p *parser) fault(err error) {
	p.wrong = append(p.wrong, fmt.Sprintf("%s:%d: %v", p.file, p.line, err))
}

// Parse reads one case, and returns all that is wrong with it as well.
func Parse(file, text string) (*Case, Errors) {
	p := &parser{
		c: &Case{Name: strings.TrimSuffix(file, Extension)}, file: file,
		labels: map[string]*Step{}, used: map[string]bool{},
	}
	section, name := "", ""
	var block []string
	first := 0
	end := func() {
		p.block(section, name, block, first)
		section, name, block = "", "", nil
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		p.line = i + 1
		indented := line != "" && (line[0] == ' ' || line[0] == '\t')
		switch {
		case section != "" && (indented || strings.TrimSpace(line) == ""):
			block = append(block, line)
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case indented:
			p.fault(errors.New("an indented line belongs to no section"))
		case sectionForm.MatchString(line):
			end()
			p.line = i + 1
			section, name = p.head(line)
			first = i + 2
		case p.c.Rules == nil:
			p.c.Title = strings.TrimSpace(p.c.Title + " " + line)
		default:
			p.fault(errors.New("want rules, needs, gateway, config, policy, adapter or steps"))
		}
	}
	end()
	p.finish()
	return p.c, p.wrong
}

// head reads a line that begins a section; the name is what its block is to
// be called, if it has one.
func (p *parser) head(line string) (section, name string) {
	fields := strings.Fields(line)
	switch section = fields[0]; section {
	case "rules":
		for _, r := range fields[1:] {
			if !ruleForm.MatchString(r) {
				p.fault(fmt.Errorf("%q is no rule's number", r))
			}
		}
		p.c.Rules = append(p.c.Rules, fields[1:]...)
		return "", ""
	case "needs":
		p.c.Features = append(p.c.Features, fields[1:]...)
		return "", ""
	case "adapter":
		p.c.Adapters = append(p.c.Adapters, fields[1:]...)
		return "", ""
	case "policy":
		if len(fields) != 2 {
			p.fault(errors.New("policy wants the name of a file"))
			return section, ""
		}
		return section, fields[1]
	case "config":
		if len(fields) == 2 && isName(fields[1]) {
			return section, fields[1]
		}
	}
	if len(fields) != 1 {
		p.fault(fmt.Errorf("nothing stands beside %q", section))
	}
	return section, ""
}

// block takes what stood indented under the head of a section.
func (p *parser) block(section, name string, lines []string, first int) {
	text := outdent(lines)
	switch section {
	case "gateway":
		p.c.Gateway += text
	case "config":
		if name == "" {
			p.c.Config += text
		} else {
			p.c.Later = append(p.c.Later, File{name, text})
		}
	case "policy":
		p.c.Policies = append(p.c.Policies, File{name, text})
	case "steps":
		p.steps(lines, first)
	}
}

// steps reads steps; a line that is indented more than the first continues
// the one before it.
func (p *parser) steps(lines []string, first int) {
	type joined struct {
		text string
		line int
	}
	var all []joined
	margin := -1
	for i, line := range lines {
		trimmed := strings.TrimLeft(line, " \t")
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		indent := len(line) - len(trimmed)
		if margin < 0 {
			margin = indent
		}
		if indent > margin && all != nil {
			all[len(all)-1].text += " " + trimmed
			continue
		}
		all = append(all, joined{trimmed, first + i})
	}
	for _, j := range all {
		p.line = j.line
		s, err := parseStep(j.text, p.labels)
		if err != nil {
			p.fault(err)
			continue
		}
		s.File, s.Line = p.file, j.line
		if s.Verb.Kinds[0] == Label {
			p.used[s.Actor] = true
		}
		p.c.Steps = append(p.c.Steps, s)
		if s.Label != "" {
			p.labels[s.Label] = &s
		}
	}
}

// finish holds the case as a whole against what it must have.
func (p *parser) finish() {
	p.line = 1
	if p.c.Title == "" {
		p.fault(errors.New("a case begins with a paragraph that says what it holds"))
	}
	if len(p.c.Rules) == 0 {
		p.fault(errors.New("no rules: a case names what it holds"))
	}
	if len(p.c.Steps) == 0 && len(p.wrong) == 0 {
		p.fault(errors.New("no steps"))
	}
	for _, s := range p.c.Steps {
		if s.Label != "" && !p.used[s.Label] {
			p.line = s.Line
			p.fault(fmt.Errorf("nobody looks at %q", s.Label))
		}
	}
	p.reloads()
	slices.Sort(p.c.Rules)
	p.c.Rules = slices.Compact(p.c.Rules)
}

// reloads holds the configurations that steps name against those that there
// are. One in so many words has more than a name has.
func (p *parser) reloads() {
	used := map[string]bool{}
	for _, s := range p.c.Steps {
		name, given := s.Get("config")
		if !given || !isName(name) {
			continue
		}
		used[name] = true
		if !slices.ContainsFunc(p.c.Later, func(f File) bool { return f.Name == name }) {
			p.line = s.Line
			p.fault(fmt.Errorf("there is no part \"config %s\"", name))
		}
	}
	for _, f := range p.c.Later {
		if !used[f.Name] {
			p.line = 1
			p.fault(fmt.Errorf("nobody reloads \"config %s\"", f.Name))
		}
	}
}

// outdent removes the indentation of the first line from all.
func outdent(lines []string) string {
	margin := ""
	for _, l := range lines {
		if t := strings.TrimLeft(l, " \t"); t != "" {
			margin = l[:len(l)-len(t)]
			break
		}
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimPrefix(l, margin) + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
