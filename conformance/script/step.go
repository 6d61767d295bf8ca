package script

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	nameForm   = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9._-]*$`)
	optionForm = regexp.MustCompile(`(?s)^(@?[a-zA-Z][a-zA-Z0-9_-]*)=(.*)$`)
)

func isName(s string) bool { return nameForm.MatchString(s) }

// parseStep reads one step; labels are those of the steps before it.
func parseStep(line string, labels map[string]*Step) (Step, error) {
	s := Step{Text: strings.Join(strings.Fields(line), " ")}
	all, err := words(line)
	if err != nil {
		return s, err
	}
	if len(all) < 2 {
		return s, errors.New("want an actor and what it does")
	}
	s.Actor = all[0]
	if !isName(s.Actor) {
		return s, fmt.Errorf("%q is no actor's name", s.Actor)
	}
	kind := kindOf(s.Actor, labels)
	if s.Verb, err = verbOf(all[1], kind); err != nil {
		return s, err
	}
	rest := all[2:]
	if arrow := slices.Index(rest, "->"); arrow >= 0 {
		if !s.Verb.Checks {
			return s, fmt.Errorf("nothing can be expected of %q", s.Verb.Name)
		}
		if arrow == len(rest)-1 {
			return s, errors.New("nothing stands after the arrow")
		}
		if err := s.parseChecks(rest[arrow+1:]); err != nil {
			return s, err
		}
		rest = rest[:arrow]
	}
	if rest, err = s.parseLabel(rest, labels); err != nil {
		return s, err
	}
	return s, s.parseArguments(rest)
}

func (s *Step) parseLabel(rest []string, labels map[string]*Step) ([]string, error) {
	n := len(rest)
	if n < 2 || rest[n-2] != "as" {
		return rest, nil
	}
	s.Label = rest[n-1]
	switch {
	case !s.Verb.Beside:
		return nil, fmt.Errorf("%q is always waited for: it takes no label", s.Verb.Name)
	case !isName(s.Label) || kindOf(s.Label, nil) != Module:
		return nil, fmt.Errorf("%q is no name for a label", s.Label)
	case labels[s.Label] != nil:
		return nil, fmt.Errorf("the label %q is taken, by line %d", s.Label, labels[s.Label].Line)
	}
	return rest[:n-2], nil
}

func (s *Step) parseArguments(rest []string) error {
	least, most := s.Verb.arity()
	for _, w := range rest {
		m := optionForm.FindStringSubmatch(w)
		if m == nil || len(s.Args) < least {
			s.Args = append(s.Args, w)
			continue
		}
		known, isTime := s.Verb.takes(m[1])
		if !known {
			return fmt.Errorf("%q has no option %q", s.Verb.Name, m[1])
		}
		if isTime {
			if _, err := time.ParseDuration(m[2]); err != nil {
				return fmt.Errorf("%s: want a length of time such as 300ms", w)
			}
		}
		s.Options = append(s.Options, Option{m[1], m[2]})
	}
	if n := len(s.Args); n < least || n > most {
		return fmt.Errorf("%q wants %s", s.Verb.Name, strings.TrimSpace("the arguments "+s.Verb.Args))
	}
	return s.checkArguments()
}

// checkArguments holds arguments against what their names promise.
func (s *Step) checkArguments() error {
	for i, name := range strings.Fields(s.Verb.Args) {
		if i >= len(s.Args) {
			break
		}
		arg := s.Args[i]
		switch strings.Trim(name, "[]") {
		case "DURATION":
			if _, err := time.ParseDuration(arg); err != nil {
				return fmt.Errorf("%q is no length of time", arg)
			}
		case "N", "STATUS":
			if _, err := strconv.Atoi(arg); err != nil {
				return fmt.Errorf("%q is no number", arg)
			}
		case "KIND":
			if !slices.Contains([]string{"delay", "missing", "resume", "synced"}, arg) {
				return fmt.Errorf("%q is no notice: want delay, missing, resume or synced", arg)
			}
		}
	}
	for _, name := range []string{"times", "least", "clients", "fill"} {
		if v, found := s.Get(name); found {
			if n, err := strconv.Atoi(v); err != nil || n < 1 {
				return fmt.Errorf("%s=%s: want a number from 1 on", name, v)
			}
		}
	}
	return nil
}
