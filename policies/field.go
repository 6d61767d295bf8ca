package policies

import (
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
)

//go:generate go run ./generate

// field is a leaf of input. Every leaf is always defined: what is not known is
// empty, zero or false, so that a policy need never ask whether it is there.
type field uint8

// kind is the type of a field's value.
type kind uint8

const (
	textual kind = iota
	numeric
	boolean
)

// class says when a field's value may change.
type class uint8

const (
	known    class = iota // with the state of the module only: fixed for a plan
	volatile              // by itself: time and gauges
	asked                 // with every request
)

// registered is what the registry says of a field: schemas/input.json, in Go.
type registered struct {
	group, name string
	kind        kind
	class       class
	words       []string              // all that it can be, if those are few
	form        string                // regular expression of text that has a form; else empty
	doc         string                // of such text: the schema's description
	most        int                   // the greatest number it can be; 0: there is none
	entrypoints []fallback.Entrypoint // whose questions have it; nil: all
}

// given reports whether input has f at the entrypoint: who asks on a
// transition has no request.
func (f field) given(e fallback.Entrypoint) bool {
	return fields[f].entrypoints == nil || slices.Contains(fields[f].entrypoints, e)
}

// ref returns f as a policy writes it, "input.target.state".
func (f field) String() string {
	if fields[f].group == "" {
		return "input." + fields[f].name
	}
	return "input." + fields[f].group + "." + fields[f].name
}

// text returns the value of a text field.
func (f field) text(q *fallback.Query, zone *time.Location) string {
	switch f {
	case fieldEntrypoint:
		return string(q.Entrypoint)
	case fieldModule:
		return q.Target.Module
	case fieldState:
		return q.Target.State.String()
	case fieldReason:
		return q.Target.Reason.String()
	case fieldVersion:
		return q.Target.Version
	case fieldServing:
		return q.Target.Serving
	case fieldOlder:
		return q.Target.Older
	case fieldNote:
		return q.Target.Note
	case fieldWeekday:
		return weekdays[q.Now.In(zone).Weekday()]
	case fieldDate:
		return q.Now.In(zone).Format(time.DateOnly)
	case fieldCallerKind:
		if q.Caller.Module == "" {
			return "client"
		}
		return "module"
	case fieldCallerModule:
		return q.Caller.Module
	case fieldCallerVersion:
		return q.Caller.Version
	case fieldCallerOnDelay:
		return q.Caller.OnDelay.String()
	case fieldMethod:
		return q.HTTP.Method
	case fieldPath:
		return q.HTTP.Path
	case fieldRoute:
		return q.HTTP.Route
	case fieldHost:
		return q.HTTP.Host
	case fieldTenant:
		return q.HTTP.Tenant
	default:
		panic("policies: " + f.String() + " is no text")
	}
}

var weekdays = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// number returns the value of a number field. Times are whole seconds.
func (f field) number(q *fallback.Query, zone *time.Location) int {
	switch f {
	case fieldExpected:
		return seconds(q.Target.Expected)
	case fieldLosses:
		return q.Target.Losses
	case fieldAsked:
		return seconds(q.Target.Asked)
	case fieldAbsent:
		return seconds(q.Target.Absent)
	case fieldTTLLeft:
		return seconds(q.Target.TTLLeft)
	case fieldHour:
		return q.Now.In(zone).Hour()
	case fieldMinute:
		return q.Now.In(zone).Minute()
	case fieldSize:
		return int(q.HTTP.Size)
	case fieldParkedCount:
		return q.Parked.Count
	case fieldParkedPercent:
		return q.Parked.Count * 100 / max(1, q.Parked.Limit)
	case fieldPlatformUpdating:
		return q.Platform.Updating
	case fieldTroubleDelayed:
		return q.Trouble.Delayed
	case fieldTroubleMissing:
		return q.Trouble.Missing
	case fieldTroubleOldest:
		return seconds(q.Trouble.Oldest)
	case fieldTroubleUnmet:
		return q.Trouble.Unmet
	case fieldTroubleUnmetFor:
		return seconds(q.Trouble.Since)
	default:
		panic("policies: " + f.String() + " is no number")
	}
}

// flag returns the value of a flag field: of all, fieldRepeatable.
func (f field) flag(q *fallback.Query) bool { return q.HTTP.Repeatable }

func seconds(d time.Duration) int { return int(d / time.Second) }

// term returns the value of f as Rego's, which may be kept: text is copied.
func (f field) term(q *fallback.Query, zone *time.Location) *ast.Term {
	switch fields[f].kind {
	case textual:
		return ast.StringTerm(strings.Clone(f.text(q, zone)))
	case numeric:
		return ast.IntNumberTerm(f.number(q, zone))
	default:
		return ast.BooleanTerm(f.flag(q))
	}
}

// input returns what the units see of q.
func input(q *fallback.Query, zone *time.Location) *ast.Term {
	var groups [len(groupNames)][][2]*ast.Term
	root := make([][2]*ast.Term, 0, len(groupNames)+1)
	for f := range fieldCount {
		if !f.given(q.Entrypoint) {
			continue
		}
		pair := [2]*ast.Term{ast.InternedTerm(fields[f].name), f.term(q, zone)}
		if g := fields[f].group; g == "" {
			root = append(root, pair)
		} else {
			i := group(g)
			groups[i] = append(groups[i], pair)
		}
	}
	for i, pairs := range groups {
		if pairs != nil {
			root = append(root, [2]*ast.Term{ast.InternedTerm(groupNames[i]), ast.ObjectTerm(pairs...)})
		}
	}
	return ast.ObjectTerm(root...)
}

func group(name string) int {
	for i, n := range groupNames {
		if n == name {
			return i
		}
	}
	panic("policies: no group " + name)
}
