package policies

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/modgate/modgate/core/fallback"
)

// The bounds of what the entrypoint alert may say, as in schemas/alert.json.
const (
	mostIncidents  = 16
	longestSummary = 200
	longestStory   = 2000
)

// Incidents answers q, which is of the entrypoint alert: all that the
// administrator must be told of now, by code. All units are asked, for what
// one calls an incident takes nothing from another; of a code that several
// have, the first unit's holds.
func (e *Engine) Incidents(q fallback.Query) []fallback.Incident {
	s := e.current.Load()
	list := s.merge(s.asked(q.Target.Module), &q, input(&q, e.o.Zone), e.report)
	for _, i := range list {
		e.rules.of(fallback.Alert, by(i.By, i.Code)).Add(1)
	}
	return list
}

// merge asks all units, reporting the faults of those that fail.
func (s *snapshot) merge(askers []*asker, q *fallback.Query, in *ast.Term, report func(Fault)) (list []fallback.Incident) {
	said := map[string]bool{}
	for _, a := range askers {
		of, fault := s.incidents(a, q, in)
		if fault.Class != 0 {
			report(fault)
		}
		for _, i := range of {
			if !said[i.Code] && i.Severity != "" {
				list = append(list, i)
			}
			said[i.Code] = true
		}
	}
	slices.SortFunc(list, func(a, b fallback.Incident) int { return cmp.Compare(a.Code, b.Code) })
	return list
}

// incidents asks one unit. Of those that it says are none, Severity is empty.
func (s *snapshot) incidents(a *asker, q *fallback.Query, in *ast.Term, tracers ...topdown.QueryTracer) ([]fallback.Incident, Fault) {
	v, f := s.value(a, q, in, tracers...)
	if v == nil {
		return nil, f
	}
	list, err := incidents(a.unit, v)
	if err != nil {
		return nil, a.fault(q, Invalid, err.Error())
	}
	return list, Fault{}
}

// incidents reads the document with which the unit answers alert.
func incidents(unit string, v ast.Value) (list []fallback.Incident, err error) {
	obj, ok := v.(ast.Object)
	switch {
	case !ok:
		return nil, fmt.Errorf("is a %s, want an object of incidents by code", ast.ValueName(v))
	case obj.Len() > mostIncidents:
		return nil, fmt.Errorf("has %d incidents, want at most %d", obj.Len(), mostIncidents)
	}
	err = members(obj, func(code string, v ast.Value) error {
		i := fallback.Incident{Code: code, By: unit}
		if !isCode(code) {
			return errors.New("is no code, which is of a-z, 0-9, dot, dash and underscore, at most 64 of them")
		}
		if v.Compare(ast.Boolean(false)) != 0 {
			if err := incident(&i, v); err != nil {
				return err
			}
		}
		list = append(list, i)
		return nil
	})
	return list, err
}

// incident reads what is said of one.
func incident(i *fallback.Incident, v ast.Value) error {
	obj, ok := v.(ast.Object)
	if !ok {
		return fmt.Errorf("is a %s, want an object, or false", ast.ValueName(v))
	}
	err := members(obj, func(name string, v ast.Value) (err error) {
		switch name {
		case "severity":
			if i.Severity, err = words(v, longestRule); err == nil && !slices.Contains(severities, i.Severity) {
				err = fmt.Errorf("is %q, want one of %s", i.Severity, quoted(severities))
			}
		case "summary":
			i.Summary, err = words(v, longestSummary)
		case "detail":
			i.Detail, err = words(v, longestStory)
		default:
			err = errors.New("is not known here, want severity, summary, detail")
		}
		return err
	})
	if err == nil && (i.Severity == "" || i.Summary == "") {
		err = errors.New("has no severity, or no summary")
	}
	return err
}

var severities = []string{"info", "warning", "critical"}
