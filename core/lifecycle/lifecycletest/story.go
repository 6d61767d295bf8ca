package lifecycletest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Story is the life of one module, told by commands, with virtual time that
// begins at zero. Every step obeys every law, or the story says which not.
// The zero Story is not ready: use NewStory.
//
//	set grace=5s takeover=2              settings; names as in HCL
//	policy update=defer:5s absence=missing grace=3s   what the policy says from now on;
//	                                     absence=expected: as long as the module itself expects
//	configured [in=10s]                  the configuration names the module
//	register a 1.0.0 [GET:/items /tags] [replaces=old,older]  with routes
//	update a [expected=90s]              announcements, each with the next seq
//	resume a
//	disconnect a
//	repeat a update                      the same seq again
//	lost a [hold=5s] | unhealthy a | unreachable a [hold=5s] | reachable a
//	gateways g h                         who must say so from now on
//	drained a [at=g] [late]              no run is left, at g; late: said of the drain before
//	advance 30s                          a Tick at every deadline on the way
//	restart settle=10s [back=1h]         back: the clock was set back so far
//	yield old                            a module that it replaced has its routes back
//	override promote version=1.0.0 accept_data_loss   by ada; also instance=a
//	answer a                             what its last announcement led to, and what it is told of itself
//	routes
type Story struct {
	Broken []error // laws

	start, now time.Time
	record     lifecycle.Record
	settings   config.Lifecycle
	gateways   []string
	policy     map[fallback.Entrypoint]fallback.Decision
	seq        map[string]uint64
}

// NewStory returns the story of a module that nobody has heard of, with the
// default settings.
func NewStory() *Story {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return &Story{
		start: start, now: start, record: lifecycle.Record{Module: "items"}, settings: config.DefaultLifecycle(),
		policy: map[fallback.Entrypoint]fallback.Decision{}, seq: map[string]uint64{},
	}
}

// Tell carries out one command and returns what came of it, a line each.
func (s *Story) Tell(command string) string {
	args := strings.Fields(command)
	var err error
	out := ""
	switch verb := args[0]; verb {
	case "set":
		err = s.set(args[1:])
	case "policy":
		err = s.instruct(args[1:])
	case "gateways":
		s.gateways = args[1:]
		out = s.step(lifecycle.Tick{})
	case "answer":
		out = s.answer(args[1])
	case "routes":
		out = s.routes()
	case "advance":
		out, err = s.advance(args[1])
	default:
		var ev lifecycle.Event
		if ev, err = s.event(verb, args[1:]); err == nil {
			out = s.step(ev)
		}
	}
	if err != nil {
		return fmt.Sprintf("%s: %v", command, err)
	}
	return out
}

// event reads a command that is something that happens to the module.
func (s *Story) event(verb string, args []string) (lifecycle.Event, error) {
	id, rest := "", args
	if len(args) > 0 {
		id, rest = args[0], args[1:]
	}
	switch verb {
	case "configured", "restart":
		in, err := length(args)
		if verb == "restart" && err == nil {
			return s.restarted(in, args)
		}
		return lifecycle.Configured{Since: s.now.Add(in)}, err
	case "override":
		return overridden(id, rest)
	case "register":
		return s.registered(id, rest)
	case "update", "resume", "disconnect":
		s.seq[id]++
		return s.announced(id, verb, rest)
	case "repeat":
		return s.announced(id, rest[0], nil)
	case "lost":
		hold, err := length(rest)
		return lifecycle.Lost{Instance: id, Reason: message.ReasonLost, Hold: hold}, err
	case "unhealthy":
		return lifecycle.Lost{Instance: id, Reason: message.ReasonUnhealthy}, nil
	case "healthy":
		return lifecycle.Healthy{Instance: id}, nil
	case "unreachable":
		hold, err := length(rest)
		return lifecycle.Unreachable{Instance: id, Hold: hold}, err
	case "reachable":
		return lifecycle.Reachable{Instance: id}, nil
	case "yield":
		return lifecycle.Yielded{To: id}, nil
	case "drained":
		d := lifecycle.Drained{Instance: id}
		if _, i := s.record.Find(id); i != nil {
			d.Turn = i.DrainTurn
		}
		for _, a := range rest {
			if at, named := strings.CutPrefix(a, "at="); named {
				d.Node = at
			} else {
				d.Turn--
			}
		}
		return d, nil
	}
	return nil, fmt.Errorf("no such command")
}

func (s *Story) restarted(settle time.Duration, args []string) (lifecycle.Event, error) {
	back, err := length(args[min(1, len(args)):])
	s.now = s.now.Add(-back)
	return lifecycle.Restarted{Settled: s.now.Add(settle), Back: back}, err
}

func (s *Story) registered(id string, args []string) (lifecycle.Event, error) {
	v, err := module.ParseVersion(args[0])
	ev := lifecycle.Registered{Version: v, Instance: lifecycle.Instance{ID: id, Token: fmt.Appendf(nil, "%s/%d", id, s.record.Turn)}}
	for _, route := range args[1:] {
		if hold, held := strings.CutPrefix(route, "hold="); held {
			if ev.Hold, err = time.ParseDuration(hold); err != nil {
				return nil, err
			}
			continue
		}
		if names, says := strings.CutPrefix(route, "replaces="); says {
			ev.Replaces = strings.Split(names, ",")
			continue
		}
		r := message.Route{Path: route}
		if methods, path, found := strings.Cut(route, ":"); found {
			r = message.Route{Methods: strings.Split(methods, "|"), Path: path}
		}
		ev.Routes = append(ev.Routes, r)
	}
	s.seq[id] = 0
	return ev, err
}

func (s *Story) announced(id, verb string, args []string) (lifecycle.Event, error) {
	ev := lifecycle.Announced{Instance: id, Announcement: message.Announcement{Seq: s.seq[id]}}
	d, err := length(args)
	if err == nil {
		ev.Expected, err = message.Duration(d), ev.Type.UnmarshalText([]byte(verb))
	}
	return ev, err
}

// overridden reads what an administrator says.
func overridden(kind string, args []string) (lifecycle.Event, error) {
	o := message.Override{Who: "ada", Why: "to see what comes of it"}
	err := o.Type.UnmarshalText([]byte(kind))
	for _, a := range args {
		switch name, value, _ := strings.Cut(a, "="); name {
		case "instance":
			o.Instance = value
		case "version":
			o.Version, err = module.ParseVersion(value)
		case "accept_data_loss":
			o.AcceptDataLoss = true
		}
	}
	return lifecycle.Overridden{Override: o}, err
}

// length reads the value of an argument such as "in=10s", if there is one.
func length(args []string) (time.Duration, error) {
	if len(args) == 0 {
		return 0, nil
	}
	_, value, _ := strings.Cut(args[0], "=")
	return time.ParseDuration(value)
}

func (s *Story) set(args []string) error {
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		at := slices.IndexFunc(s.settings.Settings(), func(set config.Setting) bool { return set.Name == name })
		if at < 0 {
			return fmt.Errorf("no setting %s", name)
		}
		var err error
		switch field := s.settings.Settings()[at].Value.(type) {
		case *time.Duration:
			*field, err = time.ParseDuration(value)
		case *int:
			_, err = fmt.Sscan(value, field)
		case *fallback.Bounds:
			field.Max, err = time.ParseDuration(value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// instruct reads what the policy shall say: an action, a TTL, or both.
func (s *Story) instruct(args []string) error {
	for _, a := range args {
		entrypoint, says, _ := strings.Cut(a, "=")
		var d fallback.Decision
		action, ttl, both := strings.Cut(says, ":")
		if !both {
			if _, err := time.ParseDuration(says); err == nil {
				action, ttl = "", says
			}
		}
		if ttl != "" {
			var err error
			if d.TTL, err = time.ParseDuration(ttl); err != nil {
				return err
			}
		}
		for k := fallback.NoAction; k <= fallback.Deny; k++ {
			if k.String() == action {
				d.Action = k
			}
		}
		d.Alert, d.By = action == "alert", action
		s.policy[fallback.Entrypoint(entrypoint)] = d
	}
	return nil
}

func (s *Story) decide(q fallback.Query) fallback.Decision {
	d := s.policy[q.Entrypoint]
	if d.By == "expected" {
		d.TTL = q.Target.Expected
	}
	return d
}

// advance lets time pass, and ticks whenever the record wants it.
func (s *Story) advance(by string) (string, error) {
	d, err := time.ParseDuration(by)
	if err != nil {
		return "", err
	}
	var lines []string
	end := s.now.Add(d)
	for at, any := s.record.Deadline(); any && !at.After(end); at, any = s.record.Deadline() {
		s.now = latest(at, s.now)
		lines = append(lines, fmt.Sprintf("at %s: %s", s.now.Sub(s.start), s.step(lifecycle.Tick{})))
	}
	s.now = end
	return strings.Join(lines, "\n"), nil
}

func (s *Story) env() lifecycle.Env {
	return lifecycle.Env{Now: s.now, Settings: s.settings, Nodes: s.gateways, Decide: s.decide}
}

func (s *Story) step(ev lifecycle.Event) string {
	before := bare(s.record)
	after, effects, refused, broken := Step(s.record, s.env(), ev)
	s.broken(broken)
	if refused != nil {
		return "refused: " + refused.Error()
	}
	s.broken(CheckAll(s.env(), &after))
	s.broken(CheckStep(s.env(), &before, ev, &after, effects)) // the argument as it was
	s.record = after
	var words []string
	for _, e := range effects {
		words = append(words, effectText(e))
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}

func (s *Story) broken(err error) {
	if err != nil {
		s.Broken = append(s.Broken, err)
	}
}
