package play

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/script"
	"github.com/modgate/modgate/conformance/wire"
)

// fields is what checks look at: an answer, a notice, or a request.
type fields interface {
	Field(name string) (value string, found bool)
	String() string
}

// judge holds what came against the step's checks, or against otherwise when
// it has none, and saves what they save.
func (w *world) judge(s script.Step, got fields, otherwise ...script.Check) error {
	if want := w.complaints(s, got, otherwise...); want != nil {
		return &Failure{s, want, w.untag(got.String())}
	}
	for _, c := range s.Checks {
		if c.Op == script.Save {
			w.vars[c.Value], _ = w.field(got, c.Field)
		}
	}
	return nil
}

// complaints returns what does not hold.
func (w *world) complaints(s script.Step, got fields, otherwise ...script.Check) (want []string) {
	checks := s.Checks
	if s.Checks == nil && s.Macro == "" {
		checks = otherwise
	}
	if a, is := got.(wire.Answer); is {
		if s.Macro != "" {
			want = macroComplaints(s.Macro, a)
		}
		if a.Err != nil && !asks(checks, "error") {
			want = append(want, "an answer")
		}
	}
	for _, c := range checks {
		if err := w.holds(c, got); err != nil {
			want = append(want, fmt.Sprintf("%v (%v)", c, err))
		}
	}
	return want
}

func asks(checks []script.Check, field string) bool {
	for _, c := range checks {
		if c.Field == field {
			return true
		}
	}
	return false
}

// field reads a field as the case writes names.
func (w *world) field(got fields, name string) (string, bool) {
	value, found := got.Field(name)
	return w.untag(value), found
}

// holds says why a check does not hold, or nil.
func (w *world) holds(c script.Check, got fields) error {
	value, found := w.field(got, c.Field)
	switch c.Op {
	case script.Absent, script.NotEqual, script.ContainsNo:
		if found && (c.Op == script.Absent || c.Op == script.NotEqual && value == c.Value ||
			c.Op == script.ContainsNo && strings.Contains(value, c.Value)) {
			return fmt.Errorf("it is %q", value)
		}
		return nil
	case script.Equal, script.Less, script.AtMost, script.More, script.AtLeast, script.Contains, script.Present, script.Save:
	}
	if !found {
		return errors.New("it is absent")
	}
	switch c.Op {
	case script.Equal:
		if value != c.Value {
			return fmt.Errorf("it is %q", value)
		}
	case script.Contains:
		if !strings.Contains(value, c.Value) {
			return fmt.Errorf("it is %q", value)
		}
	case script.Less, script.AtMost, script.More, script.AtLeast:
		return w.compare(c, value)
	case script.Present, script.Save, script.Absent, script.NotEqual, script.ContainsNo:
	}
	return nil
}

// compare compares lengths of time, which it scales, or numbers, or instants.
func (w *world) compare(c script.Check, value string) error {
	left, right, err := w.numbers(value, c.Value)
	if err != nil {
		return err
	}
	held := map[script.Op]bool{
		script.Less: left < right, script.AtMost: left <= right, script.More: left > right, script.AtLeast: left >= right,
	}
	if !held[c.Op] {
		return fmt.Errorf("it is %s", value)
	}
	return nil
}

func (w *world) numbers(value, against string) (left, right float64, err error) {
	if d, err := time.ParseDuration(against); err == nil && against != "0" {
		v, err := time.ParseDuration(value)
		if err != nil {
			return 0, 0, fmt.Errorf("%q is no length of time", value)
		}
		return float64(v), float64(w.scaled(d)), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, against); err == nil {
		v, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return 0, 0, fmt.Errorf("%q is no instant", value)
		}
		return float64(v.UnixMicro()), float64(t.UnixMicro()), nil
	}
	if right, err = strconv.ParseFloat(against, 64); err != nil {
		return 0, 0, fmt.Errorf("%q is neither a number nor a time", against)
	}
	if left, err = strconv.ParseFloat(value, 64); err != nil {
		return 0, 0, fmt.Errorf("%q is no number", value)
	}
	return left, right, nil
}

// rows are the fixed parts of the answers that have a name (3.2, 3.3).
var rows = map[string]string{
	"DELAY": `status=503 @Retry-After>=1 @Proxy-Status;=modgate @Proxy-Status;error=destination_unavailable ` +
		`@Proxy-Status;details=delay @Modgate-Status;=delay @Content-Type~application/problem+json type=urn:modgate:delay ttl?`,
	"MISSING": `status=503 @Retry-After! @Proxy-Status;=modgate @Proxy-Status;error=destination_unavailable ` +
		`@Proxy-Status;details=missing @Modgate-Status;=missing @Content-Type~application/problem+json type=urn:modgate:missing ttl!`,
	"UNKNOWN":  `status=404 @Proxy-Status;=modgate @Proxy-Status;error=destination_not_found @Content-Type~application/problem+json type=urn:modgate:unknown`,
	"OVERFLOW": `status=503 @Retry-After>=1 @Proxy-Status;=modgate @Proxy-Status;error=connection_limit_reached type=urn:modgate:overflow`,
	"RESUMED":  `status=200 from? @Modgate-Status;=resume @Modgate-Status;module? @Modgate-Status;waited>=0`,
	"PASSED":   `status=200 from? @Modgate-Status!`,
	"PENDING":  `status=202 notice=delay outcome! ttl? @Retry-After>=1`,
	"INVALID":  `status=400 @Content-Type~application/problem+json type=urn:modgate:invalid errors?`,
	"UNAUTHORIZED": `status=401 @Content-Type~application/problem+json ` +
		`type=urn:modgate:token-required`,
	"FENCED":   `status=409 @Content-Type~application/problem+json type=urn:modgate:fenced`,
	"REFUSED":  `status=409 @Content-Type~application/problem+json type=urn:modgate:refused`,
	"CONFLICT": `status=409 @Content-Type~application/problem+json type=urn:modgate:conflict`,
}

// macroComplaints holds a whole answer against its row, and against itself:
// what it says twice must agree.
func macroComplaints(macro string, a wire.Answer) (want []string) {
	bare := &world{Target: Target{Scale: 1}}
	for _, text := range strings.Fields(rows[macro]) {
		c, err := script.ParseCheck(text)
		if err == nil {
			err = bare.holds(c, a)
		}
		if err != nil {
			want = append(want, fmt.Sprintf("%s: %s (%v)", macro, text, err))
		}
	}
	switch macro {
	case "DELAY", "MISSING", "UNKNOWN", "OVERFLOW":
		want = append(want, agreement(a, "@Modgate-Request-Id", "request_id")...)
	}
	if macro == "DELAY" || macro == "MISSING" {
		want = append(want, agreement(a, "@Modgate-Status;module", "module")...)
		want = append(want, agreement(a, "@Modgate-Status;reason", "reason")...)
		if number, found := wire.JSON(a.Body, "status"); !found || number != strconv.Itoa(a.Status) {
			want = append(want, macro+": status in the body as in the head")
		}
	}
	if macro == "DELAY" || macro == "PENDING" {
		want = append(want, roundedUp(a)...)
	}
	return want
}

func agreement(a wire.Answer, field, with string) []string {
	one, first := a.Field(field)
	two, second := a.Field(with)
	if first == second && one == two && (first || with == "module") {
		return nil
	}
	return []string{fmt.Sprintf("%s (%q) as %s (%q)", field, one, with, two)}
}

// roundedUp says that Retry-After is not ttl in whole seconds, at least 1.
func roundedUp(a wire.Answer) []string {
	ttl, _ := a.Field("ttl")
	after, _ := a.Field("@Retry-After")
	d, err := time.ParseDuration(ttl)
	if n := math.Max(1, math.Ceil(d.Seconds())); err != nil || after != strconv.Itoa(int(n)) {
		return []string{fmt.Sprintf("Retry-After (%s) as ttl (%s), rounded up", after, ttl)}
	}
	return nil
}
