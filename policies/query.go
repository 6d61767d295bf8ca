package policies

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// Question is a question as JSON has it: schemas/input.json. What is left out
// is empty.
type Question map[string]any

// ParseQuestion reads a question.
func ParseQuestion(text []byte) (Question, error) {
	var q Question
	if err := json.Unmarshal(text, &q); err != nil {
		return nil, fmt.Errorf("read the question: %w", err)
	}
	return q, nil
}

// ParseQuery reads a question. Times are taken to be in zone.
func ParseQuery(text []byte, zone *time.Location) (fallback.Query, error) {
	q, err := ParseQuestion(text)
	if err != nil {
		return fallback.Query{}, err
	}
	return q.Query(zone)
}

// Set gives a field a value: "target.state=delayed".
func (q Question) Set(assignment string) error {
	name, text, ok := strings.Cut(assignment, "=")
	name = strings.TrimPrefix(strings.TrimSpace(name), "input.")
	f, known := leaves[name]
	switch {
	case !ok:
		return fmt.Errorf("%q: want FIELD=VALUE, such as target.state=missing", assignment)
	case !known:
		advice := "schemas/input.json lists what is"
		if near := nearest(name, sortedNames(leaves)); near != "" {
			advice = "did you mean " + near + "?"
		}
		return fmt.Errorf("%s is not known: %s", name, advice)
	}
	group := map[string]any(q)
	if g := fields[f].group; g != "" {
		if _, there := q[g]; !there {
			q[g] = map[string]any{}
		}
		if group, ok = q[g].(map[string]any); !ok {
			return fmt.Errorf("input.%s is an object", g)
		}
	}
	group[fields[f].name] = text
	if fields[f].kind == textual {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return fmt.Errorf("%s is %s", f, kindNames[fields[f].kind])
	}
	group[fields[f].name] = v
	return nil
}

// Query returns the question as the engine is asked. Times are taken to be in
// zone.
func (q Question) Query(zone *time.Location) (fallback.Query, error) {
	given := map[field]value{}
	if err := gather(q, meaning{path: []string{}}, given); err != nil {
		return fallback.Query{}, err
	}
	out := fallback.Query{Entrypoint: fallback.Entrypoint(given[fieldEntrypoint].text), Now: time.Date(2000, 1, 1, 0, 0, 0, 0, zone)}
	if !slices.Contains(entrypoints, out.Entrypoint) {
		return fallback.Query{}, fmt.Errorf("input.entrypoint is %q, want one of %s", string(out.Entrypoint), quoted(entrypointNames()))
	}
	for f := range fieldCount {
		if v, ok := given[f]; ok {
			f.set(&out, v)
		}
	}
	for f := range fieldCount {
		v, ok := given[f]
		switch {
		case !ok || f == fieldEntrypoint:
		case !f.given(out.Entrypoint):
			return fallback.Query{}, fmt.Errorf("%s is there for %s only", f, listed(fields[f].entrypoints))
		case !f.has(&out, v):
			return fallback.Query{}, fmt.Errorf("%s cannot be %s%s", f, v.of(f), allowed(f, v))
		}
	}
	return out, nil
}

// allowed says what f can be, if that is little and v is not of it.
func allowed(f field, v value) string {
	if words := fields[f].words; words != nil && !slices.Contains(words, v.text) {
		return ", want one of " + quoted(words)
	}
	return " beside what else is given"
}

// of writes v as a value of f.
func (v value) of(f field) string {
	switch fields[f].kind {
	case textual:
		return fmt.Sprintf("%q", v.text)
	case numeric:
		return fmt.Sprint(v.number)
	default:
		return fmt.Sprint(v.flag)
	}
}

// gather takes the values of all leaves of in, which stands at m.
func gather(in map[string]any, m meaning, given map[field]value) error {
	for _, name := range sortedNames(in) {
		at := meaning{path: append(slices.Clone(m.path), name)}
		if !at.exists() {
			return fmt.Errorf("%s is not known: schemas/input.json lists what is", at)
		}
		f, leaf := at.field()
		if !leaf {
			group, ok := in[name].(map[string]any)
			if !ok {
				return fmt.Errorf("%s is an object", at)
			}
			if err := gather(group, at, given); err != nil {
				return err
			}
			continue
		}
		v, err := f.parse(in[name])
		if err != nil {
			return err
		}
		given[f] = v
	}
	return nil
}

func (f field) parse(x any) (value, error) {
	switch x := x.(type) {
	case string:
		if fields[f].kind == textual {
			return value{text: x}, nil
		}
	case bool:
		if fields[f].kind == boolean {
			return value{flag: x}, nil
		}
	case float64:
		if fields[f].kind != numeric {
			break
		}
		if x < 0 || x != math.Trunc(x) || x > 1<<52 {
			return value{}, fmt.Errorf("%s is %v, want a whole number, not negative", f, x)
		}
		return value{number: int(x)}, nil
	case nil:
		return value{}, errors.New(f.String() + " is null: leave it out")
	}
	return value{}, fmt.Errorf("%s is %s", f, kindNames[fields[f].kind])
}
