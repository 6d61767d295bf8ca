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

// textOf returns the values of text fields.
var textOf = [fieldCount]func(*fallback.Query, *time.Location) string{
	fieldEntrypoint: func(q *fallback.Query, _ *time.Location) string { return string(q.Entrypoint) },
	fieldModule:     func(q *fallback.Query, _ *time.Location) string { return q.Target.Module },
	fieldState:      func(q *fallback.Query, _ *time.Location) string { return q.Target.State.String() },
	fieldReason:     func(q *fallback.Query, _ *time.Location) string { return q.Target.Reason.String() },
	fieldVersion:    func(q *fallback.Query, _ *time.Location) string { return q.Target.Version },
	fieldServing:    func(q *fallback.Query, _ *time.Location) string { return q.Target.Serving },
	fieldOlder:      func(q *fallback.Query, _ *time.Location) string { return q.Target.Older },
	fieldNote:       func(q *fallback.Query, _ *time.Location) string { return q.Target.Note },
	fieldWeekday:    func(q *fallback.Query, zone *time.Location) string { return weekdays[q.Now.In(zone).Weekday()] },
	fieldDate:       func(q *fallback.Query, zone *time.Location) string { return q.Now.In(zone).Format(time.DateOnly) },
	fieldTime:       func(q *fallback.Query, zone *time.Location) string { return q.Now.In(zone).Format(clockForm) },
	fieldCallerKind: func(q *fallback.Query, zone *time.Location) string {
		return fields[fieldCallerKind].words[placeOf[fieldCallerKind](q, zone)]
	},
	fieldCallerModule:  func(q *fallback.Query, _ *time.Location) string { return q.Caller.Module },
	fieldCallerVersion: func(q *fallback.Query, _ *time.Location) string { return q.Caller.Version },
	fieldCallerOnDelay: func(q *fallback.Query, _ *time.Location) string { return q.Caller.OnDelay.String() },
	fieldMethod:        func(q *fallback.Query, _ *time.Location) string { return q.HTTP.Method },
	fieldPath:          func(q *fallback.Query, _ *time.Location) string { return q.HTTP.Path },
	fieldRoute:         func(q *fallback.Query, _ *time.Location) string { return q.HTTP.Route },
	fieldHost:          func(q *fallback.Query, _ *time.Location) string { return q.HTTP.Host },
	fieldTenant:        func(q *fallback.Query, _ *time.Location) string { return q.HTTP.Tenant },
}

// text returns the value of a text field.
func (f field) text(q *fallback.Query, zone *time.Location) string { return textOf[f](q, zone) }

var weekdays = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// clockForm is how input.now.time is written.
const clockForm = "15:04"

// placeOf returns where among the words of an enumerated field its value is, of
// those that may change while a plan holds.
var placeOf = [fieldCount]func(*fallback.Query, *time.Location) int{
	fieldWeekday:       func(q *fallback.Query, zone *time.Location) int { return int(q.Now.In(zone).Weekday()) },
	fieldCallerOnDelay: func(q *fallback.Query, _ *time.Location) int { return int(q.Caller.OnDelay) },
	fieldCallerKind: func(q *fallback.Query, _ *time.Location) int {
		if q.Caller.Module == "" {
			return 0
		}
		return 1
	},
}

// numberOf returns the values of number fields. Times are whole seconds.
var numberOf = [fieldCount]func(*fallback.Query, *time.Location) int{
	fieldExpected:         func(q *fallback.Query, _ *time.Location) int { return seconds(q.Target.Expected) },
	fieldLosses:           func(q *fallback.Query, _ *time.Location) int { return q.Target.Losses },
	fieldAsked:            func(q *fallback.Query, _ *time.Location) int { return seconds(q.Target.Asked) },
	fieldAbsent:           func(q *fallback.Query, _ *time.Location) int { return seconds(q.Target.Absent) },
	fieldTTLLeft:          func(q *fallback.Query, _ *time.Location) int { return seconds(q.Target.TTLLeft) },
	fieldHour:             func(q *fallback.Query, zone *time.Location) int { return q.Now.In(zone).Hour() },
	fieldMinute:           func(q *fallback.Query, zone *time.Location) int { return q.Now.In(zone).Minute() },
	fieldSize:             func(q *fallback.Query, _ *time.Location) int { return int(q.HTTP.Size) },
	fieldParkedCount:      func(q *fallback.Query, _ *time.Location) int { return q.Parked.Count },
	fieldParkedPercent:    func(q *fallback.Query, _ *time.Location) int { return q.Parked.Count * 100 / max(1, q.Parked.Limit) },
	fieldPlatformUpdating: func(q *fallback.Query, _ *time.Location) int { return q.Platform.Updating },
	fieldTroubleDelayed:   func(q *fallback.Query, _ *time.Location) int { return q.Trouble.Delayed },
	fieldTroubleMissing:   func(q *fallback.Query, _ *time.Location) int { return q.Trouble.Missing },
	fieldTroubleOldest:    func(q *fallback.Query, _ *time.Location) int { return seconds(q.Parked.Oldest) },
	fieldTroubleUnmet:     func(q *fallback.Query, _ *time.Location) int { return q.Trouble.Unmet },
	fieldTroubleUnmetFor:  func(q *fallback.Query, _ *time.Location) int { return seconds(q.Trouble.Since) },
}

// number returns the value of a number field.
func (f field) number(q *fallback.Query, zone *time.Location) int { return numberOf[f](q, zone) }

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
