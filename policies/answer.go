package policies

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// The bounds of what a decision may say, whatever the configuration allows;
// the same as in schemas/.
const (
	longestTTL    = 7 * 24 * time.Hour
	longestGrace  = 24 * time.Hour
	longestRetry  = time.Hour // of a request; an UPDATE may be deferred for longestTTL
	fastest       = 1_000_000 // released a second
	longestDetail = 200       // bytes
	longestRule   = 64
	longestBody   = 64 << 10
	mostHeaders   = 16
)

// actions lists what each entrypoint may do; grace and resume only say how
// long and how fast, and watch whether.
var actions = map[fallback.Entrypoint]map[string]fallback.Action{
	fallback.Request: {"delay": fallback.Delay, "missing": fallback.Miss, "fallback": fallback.Substitute, "pass": fallback.Pass},
	fallback.Watch:   {},
	fallback.Absence: {"delay": fallback.Delay, "missing": fallback.Miss},
	fallback.Update:  {"grant": fallback.Grant, "defer": fallback.Defer, "deny": fallback.Deny},
	fallback.Grace:   {},
	fallback.Resume:  {},
}

// forbiddenError says that a decision is none that a policy may make about a
// module in that state (A3).
type forbiddenError struct{ text string }

func (e forbiddenError) Error() string { return e.text }

// answer reads the decision document that answers q. What is not in the
// entrypoint's schema is an error: a typo must not look like silence. What the
// target's state does not allow is a forbiddenError.
func answer(q *fallback.Query, v ast.Value) (d fallback.Decision, err error) {
	obj, ok := v.(ast.Object)
	if !ok {
		return d, fmt.Errorf("is a %s, want an object", ast.ValueName(v))
	}
	e, mode := q.Entrypoint, ""
	err = members(obj, func(name string, v ast.Value) (err error) {
		switch {
		case !slices.Contains(memberNames[e], name):
			err = unknownMember(e, name)
		case name == "mode":
			mode, err = modeOf(v)
		default:
			err = member(e, &d, name, v)
		}
		return err
	})
	if err == nil {
		err = consistent(e, &d, mode)
	}
	if err == nil && e == fallback.Request {
		err = permitted(&q.Target, &d, mode)
	}
	if err != nil {
		return fallback.Decision{}, err
	}
	return d, nil
}

// member reads one of a decision's members.
func member(e fallback.Entrypoint, d *fallback.Decision, name string, v ast.Value) (err error) {
	switch name {
	case "action":
		d.Action, err = action(e, v)
	case "mode":
		_, err = modeOf(v)
	case "rule":
		d.By, err = words(v, longestRule)
	case "detail":
		d.Detail, err = words(v, longestDetail)
	case "ttl_s":
		d.TTL, err = length(v, longestTTL)
	case "grace_s":
		d.TTL, err = length(v, longestGrace)
	case "alert":
		d.Alert, err = truth(v)
	case "requests":
		d.Watch, err = truth(v)
	case "wait_s":
		d.Wait, err = length(v, longestTTL)
	case "retry_after_s":
		if e == fallback.Update {
			d.TTL, err = length(v, longestTTL)
		} else {
			d.Retry, err = length(v, longestRetry)
		}
	case "rate_per_s":
		d.Rate, err = whole(v, 1, fastest)
	case "fallback":
		d.Fallback, err = substitute(v)
	case "status":
		d.Status, err = whole(v, 400, 599)
	case "headers":
		d.Headers, err = headers(v, answered)
	}
	return err
}

func unknownMember(e fallback.Entrypoint, name string) error {
	if near := nearest(name, memberNames[e]); near != "" {
		return fmt.Errorf("is not known here: did you mean %s?", near)
	}
	return fmt.Errorf("is not known here: %s may say %s", e, quoted(memberNames[e]))
}

func modeOf(v ast.Value) (string, error) {
	s, err := words(v, longestRule)
	if err == nil && s != "park" && s != "reply" {
		err = fmt.Errorf("is %q, want \"park\" or \"reply\"", s)
	}
	return s, err
}

// consistent checks what no member shows alone, and takes over the mode.
func consistent(e fallback.Entrypoint, d *fallback.Decision, mode string) error {
	switch {
	case len(actions[e]) > 0 && d.Action == fallback.NoAction:
		return errors.New("action is missing")
	case e == fallback.Request && d.Action != fallback.Delay && (mode != "" || d.Wait != 0):
		return errors.New("mode and wait_s belong to the action \"delay\"")
	case mode == "reply" && d.Wait != 0:
		return errors.New("wait_s belongs to the mode \"park\"")
	case mode != "reply" && d.Retry != 0:
		return errors.New("retry_after_s belongs to the mode \"reply\"")
	case d.Action != fallback.Delay && d.Action != fallback.Miss && (d.Status != 0 || d.Headers != nil):
		return errors.New("status and headers belong to the actions \"delay\" and \"missing\"")
	case (d.Action == fallback.Substitute) != (d.Fallback != fallback.Fallback{}):
		return errors.New("the action \"fallback\" and the member fallback belong together")
	case e == fallback.Update && d.Action != fallback.Defer && d.TTL != 0:
		return errors.New("retry_after_s belongs to the action \"defer\"")
	case e == fallback.Absence && d.Action != fallback.Delay && d.TTL != 0:
		return errors.New("ttl_s belongs to the action \"delay\"")
	}
	d.Reply = mode == "reply"
	return nil
}

// permitted checks what d may say about a request to a module in that state, and
// takes for granted what goes without saying: at a module that is ready, no
// request waits.
func permitted(t *fallback.Target, d *fallback.Decision, mode string) error {
	ready := t.State == message.Ready
	switch {
	case d.Action == fallback.Pass && !ready:
		return forbiddenError{"pass, of a module that is not ready"}
	case d.Action == fallback.Delay && t.State == message.Missing:
		return forbiddenError{"delay, of a module that is missing"}
	case d.Fallback.Older && t.Older == "":
		return forbiddenError{"a fallback to an older version: there is none that is neither below the floor nor draining"}
	case ready && (mode == "park" || d.Wait != 0):
		return forbiddenError{"parking, at a module that is ready"}
	}
	d.Reply = d.Reply || ready && d.Action == fallback.Delay
	return nil
}

// members calls read for each member in order, and says which one it refused.
func members(obj ast.Object, read func(name string, v ast.Value) error) error {
	return obj.Iter(func(k, v *ast.Term) error {
		name, ok := k.Value.(ast.String)
		if !ok {
			return fmt.Errorf("%v: a member's name is text", k)
		}
		if err := read(string(name), v.Value); err != nil {
			return fmt.Errorf("%s %w", string(name), err)
		}
		return nil
	})
}

func action(e fallback.Entrypoint, v ast.Value) (fallback.Action, error) {
	s, err := words(v, longestRule)
	if err != nil {
		return fallback.NoAction, err
	}
	a, ok := actions[e][s]
	if !ok {
		return fallback.NoAction, fmt.Errorf("is %q, want one of %s", s, quoted(sortedNames(actions[e])))
	}
	return a, nil
}

func substitute(v ast.Value) (f fallback.Fallback, err error) {
	obj, ok := v.(ast.Object)
	if !ok || obj.Len() != 1 {
		return f, errors.New("is an object with one of module, older, static")
	}
	err = members(obj, func(name string, v ast.Value) (err error) {
		switch name {
		case "module":
			f.Module, err = words(v, longestRule)
			if err == nil && f.Module == "" {
				err = errors.New("is empty")
			}
		case "older":
			f.Older, err = truth(v)
			if err == nil && !f.Older {
				err = errors.New("is true, or not said")
			}
		case "static":
			f.Static, err = static(v)
		default:
			err = errors.New("is not known here, want one of module, older, static")
		}
		return err
	})
	return f, err
}

func static(v ast.Value) (*fallback.Static, error) {
	obj, ok := v.(ast.Object)
	if !ok {
		return nil, fmt.Errorf("is a %s, want an object", ast.ValueName(v))
	}
	s := &fallback.Static{Status: 200}
	err := members(obj, func(name string, v ast.Value) (err error) {
		switch name {
		case "status":
			s.Status, err = whole(v, 200, 599)
		case "body":
			s.Body, err = words(v, longestBody)
		case "headers":
			s.Headers, err = headers(v, framing)
		default:
			err = errors.New("is not known here, want status, headers, body")
		}
		return err
	})
	return s, err
}

// whole reads a whole number from least to most.
func whole(v ast.Value, least, most int) (int, error) {
	n, ok := v.(ast.Number)
	if !ok {
		return 0, fmt.Errorf("is a %s, want a number", ast.ValueName(v))
	}
	i, ok := n.Int()
	if !ok || i < least || i > most {
		return 0, fmt.Errorf("is %v, want a whole number from %d to %d", n, least, most)
	}
	return i, nil
}

// headers reads fields by name, of which taken are the gateway's.
func headers(v ast.Value, taken func(name string) bool) (list [][2]string, err error) {
	obj, ok := v.(ast.Object)
	if !ok || obj.Len() > mostHeaders {
		return nil, fmt.Errorf("is an object with at most %d members", mostHeaders)
	}
	err = members(obj, func(name string, v ast.Value) error {
		value, err := words(v, 1024)
		switch {
		case err != nil:
			return err
		case !token(name):
			return errors.New("is not a field name (RFC 9110 section 5.1)")
		case taken(name):
			return errors.New("is the gateway's to say")
		case !visible(value):
			return errors.New("has a control character")
		}
		list = append(list, [2]string{name, value})
		return nil
	})
	return list, err
}

func words(v ast.Value, most int) (string, error) {
	s, ok := v.(ast.String)
	switch {
	case !ok:
		return "", fmt.Errorf("is a %s, want text", ast.ValueName(v))
	case len(s) > most:
		return "", fmt.Errorf("has %d bytes, want at most %d", len(s), most)
	}
	return string(s), nil
}

func truth(v ast.Value) (bool, error) {
	b, ok := v.(ast.Boolean)
	if !ok {
		return false, fmt.Errorf("is a %s, want true or false", ast.ValueName(v))
	}
	return bool(b), nil
}

// length reads seconds. Zero is refused: unsaid, the default holds, and it is
// not zero.
func length(v ast.Value, most time.Duration) (time.Duration, error) {
	n, ok := v.(ast.Number)
	if !ok {
		return 0, fmt.Errorf("is a %s, want a number of seconds", ast.ValueName(v))
	}
	s, ok := n.Float64()
	if !ok || s <= 0 || s > most.Seconds() {
		return 0, fmt.Errorf("is %v, want seconds above 0, up to %v", n, most.Seconds())
	}
	return time.Duration(s * float64(time.Second)), nil
}
