package policies

import (
	"errors"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
)

// The bounds of what a decision may say, whatever the configuration allows;
// the same as in schemas/.
const (
	longestTTL    = 7 * 24 * time.Hour
	longestGrace  = 24 * time.Hour
	longestDetail = 200 // bytes
	longestRule   = 64
	longestBody   = 64 << 10
	mostHeaders   = 16
)

// actions lists what each entrypoint may do; without actions, grace only says
// how long.
var actions = map[fallback.Entrypoint]map[string]fallback.Action{
	fallback.Request: {"delay": fallback.Delay, "missing": fallback.Miss, "fallback": fallback.Substitute},
	fallback.Absence: {"delay": fallback.Delay, "missing": fallback.Miss},
	fallback.Update:  {"grant": fallback.Grant, "defer": fallback.Defer, "deny": fallback.Deny},
	fallback.Grace:   {},
}

// answer reads a decision document. What is not in the entrypoint's schema is
// an error: a typo must not look like silence.
func answer(e fallback.Entrypoint, v ast.Value) (d fallback.Decision, err error) {
	obj, ok := v.(ast.Object)
	if !ok {
		return d, fmt.Errorf("is a %s, want an object", ast.ValueName(v))
	}
	mode := ""
	err = members(obj, func(name string, v ast.Value) (err error) {
		switch {
		case name == "action" && e != fallback.Grace:
			d.Action, err = action(e, v)
		case name == "rule":
			d.By, err = words(v, longestRule)
		case name == "detail":
			d.Detail, err = words(v, longestDetail)
		case name == "ttl_s" && e == fallback.Absence, name == "retry_after_s" && e == fallback.Update:
			d.TTL, err = length(v, longestTTL)
		case name == "grace_s" && e == fallback.Grace:
			d.TTL, err = length(v, longestGrace)
		case name == "alert" && e == fallback.Absence:
			d.Alert, err = truth(v)
		case name == "mode" && e == fallback.Request:
			mode, err = words(v, len("reply"))
		case name == "wait_s" && e == fallback.Request:
			d.Wait, err = length(v, longestTTL)
		case name == "fallback" && e == fallback.Request:
			d.Fallback, err = substitute(v)
		default:
			err = unknownMember(e, name)
		}
		return err
	})
	if err != nil {
		return fallback.Decision{}, err
	}
	if err := consistent(e, &d, mode); err != nil {
		return fallback.Decision{}, err
	}
	return d, nil
}

// memberNames are the members that a decision may have.
var memberNames = map[fallback.Entrypoint][]string{
	fallback.Request: {"action", "detail", "fallback", "mode", "rule", "wait_s"},
	fallback.Absence: {"action", "alert", "detail", "rule", "ttl_s"},
	fallback.Update:  {"action", "detail", "retry_after_s", "rule"},
	fallback.Grace:   {"detail", "grace_s", "rule"},
}

func unknownMember(e fallback.Entrypoint, name string) error {
	if near := nearest(name, memberNames[e]); near != "" {
		return fmt.Errorf("is not known here: did you mean %s?", near)
	}
	return fmt.Errorf("is not known here: %s may say %s", e, quoted(memberNames[e]))
}

// consistent checks what no member shows alone, and takes over the mode.
func consistent(e fallback.Entrypoint, d *fallback.Decision, mode string) error {
	switch {
	case e != fallback.Grace && d.Action == fallback.NoAction:
		return errors.New("action is missing")
	case mode != "" && mode != "park" && mode != "reply":
		return fmt.Errorf("mode is %q, want \"park\" or \"reply\"", mode)
	case e == fallback.Request && d.Action != fallback.Delay && (mode != "" || d.Wait != 0):
		return errors.New("mode and wait_s belong to the action \"delay\"")
	case mode == "reply" && d.Wait != 0:
		return errors.New("wait_s belongs to the mode \"park\"")
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
			s.Status, err = status(v)
		case "body":
			s.Body, err = words(v, longestBody)
		case "headers":
			s.Headers, err = headers(v)
		default:
			err = errors.New("is not known here, want status, headers, body")
		}
		return err
	})
	return s, err
}

func status(v ast.Value) (int, error) {
	n, ok := v.(ast.Number)
	if !ok {
		return 0, fmt.Errorf("is a %s, want a number", ast.ValueName(v))
	}
	code, ok := n.Int()
	if !ok || code < 200 || code > 599 {
		return 0, fmt.Errorf("is %v, want a status from 200 to 599", n)
	}
	return code, nil
}

func headers(v ast.Value) (list [][2]string, err error) {
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
		case framing(name):
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
