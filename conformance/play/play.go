// Package play takes the steps of a case: it plays the modules, the clients
// and the administrator of a core that is another process, and holds what the
// core says against what the case expects.
//
// It decides whether one case is held. It never starts a core by itself, and
// knows no rule: those stand in the cases.
package play

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/modgate/modgate/conformance/driver"
	"github.com/modgate/modgate/conformance/script"
)

// Target is the core that a case is played against.
type Target struct {
	Data, Control string       // addresses
	Join, Admin   string       // secrets; Admin is read anew from Core when it is empty
	Core          *driver.Core // nil: it runs already, and is neither stopped nor configured
	Ports         *driver.Ports
	Scale         float64 // of every length of time; 1 or more
	Tag           string  // makes names of modules and instances the case's own; "" leaves them
	Setting       driver.Setting
}

// Failure is a step that did not go as the case expects.
type Failure struct {
	Step script.Step
	Want []string // what did not hold
	Got  string
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s: %s\n\twant %s\n\tgot  %s", f.Step.Pos(), f.Step.Text, strings.Join(f.Want, ", "), f.Got)
}

// world is a case that is being played.
type world struct {
	Target
	ctx       context.Context
	name      string
	later     []script.File // configurations to reload
	client    *http.Client
	instances map[string]*instance
	pending   map[string]*pending
	vars      map[string]string
	addresses map[string]string // that a case gave names to
}

// Play takes the steps of c, one after the other. The error is a *Failure
// when the core did not hold what the case says.
func Play(ctx context.Context, c *script.Case, t Target) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	w := &world{
		Target: t, ctx: ctx, name: c.Name, later: c.Later, instances: map[string]*instance{}, pending: map[string]*pending{}, vars: map[string]string{}, addresses: map[string]string{},
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
	}
	defer transport.CloseIdleConnections()
	defer w.end()
	for _, s := range c.Steps {
		if err := w.step(s); err != nil {
			var f *Failure
			if errors.As(err, &f) {
				return err
			}
			return &Failure{Step: s, Want: []string{"the step"}, Got: err.Error()}
		}
	}
	return nil
}

// end lets go of everything, and waits for it.
func (w *world) end() {
	for _, in := range w.instances {
		in.hangUp()
		in.upstream.close()
	}
	for _, p := range w.pending {
		p.cancel()
		<-p.done
	}
}

// admin returns the administrator's token, which a core makes at its first
// start. Without one the answer to the call says what is wrong.
func (w *world) admin() string {
	if w.Admin == "" && w.Core != nil {
		w.Admin, _ = w.Core.AdminToken() // "" is no token
	}
	return w.Admin
}

// step takes one step.
func (w *world) step(s script.Step) error {
	if err := w.ctx.Err(); err != nil {
		return fmt.Errorf("the run is cut off: %w", context.Cause(w.ctx))
	}
	if err := w.take(s); err != nil {
		return err
	}
	s = w.expand(s)
	switch s.Verb.Kinds[0] {
	case script.Module:
		return w.moduleStep(s)
	case script.Client:
		return w.write(s)
	case script.Admin:
		return w.adminStep(s)
	case script.Core:
		return w.coreStep(s)
	case script.Time:
		d, _ := time.ParseDuration(s.Args[0]) // the parser has read it
		return w.sleep(w.scaled(d))
	case script.Label:
		return w.labelStep(s)
	}
	return fmt.Errorf("nobody takes the step %q", s.Verb.Name)
}

// scaled returns a case's length of time as this run takes it.
func (w *world) scaled(d time.Duration) time.Duration {
	return time.Duration(math.Round(float64(d) * w.Scale))
}

// within returns how long a step may take.
func (w *world) within(s script.Step, option string, otherwise time.Duration) time.Duration {
	return w.scaled(s.Duration(option, otherwise))
}

func (w *world) sleep(d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

// until looks again and again, until ok or the time is over.
func (w *world) until(d time.Duration, ok func() bool) (bool, error) {
	for end := time.Now().Add(d); ; {
		if ok() {
			return true, nil
		}
		if time.Now().After(end) {
			return false, nil
		}
		if err := w.sleep(5 * time.Millisecond); err != nil {
			return false, err
		}
	}
}

var addressForm = regexp.MustCompile(`\$\{address:([a-zA-Z0-9-]+)\}`)

// take finds an address for each name that the step, or a configuration,
// gives to one.
func (w *world) take(s script.Step) error {
	text := s.Text
	for _, f := range w.later {
		text += f.Text
	}
	for _, m := range addressForm.FindAllStringSubmatch(text, -1) {
		if w.addresses[m[1]] != "" {
			continue
		}
		address, err := w.Ports.Take()
		if err != nil {
			return err
		}
		w.addresses[m[1]] = address
	}
	return nil
}

// expand puts variables into a step: $name as saved, ${url:ID} the origin of
// an instance's upstream, ${address:NAME} an address on loopback, ${x5000} as
// many letters.
func (w *world) expand(s script.Step) script.Step {
	pairs := []string{"${x5000}", strings.Repeat("x", 5000)}
	for id, in := range w.instances {
		pairs = append(pairs, "${url:"+id+"}", in.upstream.origin())
	}
	for name, address := range w.addresses {
		pairs = append(pairs, "${address:"+name+"}", address)
	}
	for name, value := range w.vars {
		pairs = append(pairs, "${"+name+"}", value, "$"+name, value)
	}
	r := strings.NewReplacer(pairs...)
	args, options, checks := make([]string, len(s.Args)), make([]script.Option, len(s.Options)), make([]script.Check, len(s.Checks))
	for i, a := range s.Args {
		args[i] = r.Replace(a)
	}
	for i, o := range s.Options {
		for _, f := range w.later {
			if o.Name == "config" && o.Value == f.Name {
				o.Value = f.Text
			}
		}
		options[i] = script.Option{Name: o.Name, Value: r.Replace(o.Value)}
	}
	for i, c := range s.Checks {
		checks[i] = script.Check{Field: c.Field, Op: c.Op, Value: r.Replace(c.Value)}
	}
	s.Args, s.Options, s.Checks = args, options, checks
	return s
}
