package policies

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// ParseQuery reads a question as schemas/input.json describes it, for tools:
// what is left out is empty. Times are taken to be in zone.
func ParseQuery(text []byte, zone *time.Location) (fallback.Query, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	var in map[string]any
	if err := dec.Decode(&in); err != nil {
		return fallback.Query{}, fmt.Errorf("read the question: %w", err)
	}
	given := map[field]value{}
	if err := gather(in, meaning{path: []string{}}, given); err != nil {
		return fallback.Query{}, err
	}
	q := fallback.Query{Entrypoint: fallback.Entrypoint(given[fieldEntrypoint].text), Now: time.Date(2000, 1, 1, 0, 0, 0, 0, zone)}
	if !slices.Contains(entrypoints, q.Entrypoint) {
		return fallback.Query{}, fmt.Errorf("input.entrypoint is %q, want one of %s", string(q.Entrypoint), quoted(entrypointNames()))
	}
	for f := range fieldCount {
		if v, ok := given[f]; ok {
			f.set(&q, v)
		}
	}
	for f := range fieldCount {
		v, ok := given[f]
		switch {
		case !ok || f == fieldEntrypoint:
		case !f.given(q.Entrypoint):
			return fallback.Query{}, fmt.Errorf("%s is there for request only", f)
		case !f.has(&q, v):
			return fallback.Query{}, fmt.Errorf("%s cannot be %s%s", f, v.of(f), allowed(f, v))
		}
	}
	return q, nil
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
