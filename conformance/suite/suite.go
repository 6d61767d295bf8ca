// Package suite plays many cases at once against cores of one kind, and says
// what came of them: on a terminal, as a report, as a page, and as JUnit XML.
//
// It decides which cases are played, and what a report says. It never decides
// whether a case is held.
package suite

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/modgate/modgate/conformance/adapters"
	"github.com/modgate/modgate/conformance/driver"
	"github.com/modgate/modgate/conformance/play"
	"github.com/modgate/modgate/conformance/script"
)

// Options are what is played, and against what.
type Options struct {
	Core     driver.Options // how cores are started
	Running  *play.Target   // instead: a core that runs already
	Front    Front          // nil: nothing stands before the core
	Features []string       // claimed; cases that need others are skipped
	Match    *regexp.Regexp // of names, titles or rules; nil: all
	Parallel int
	Scale    float64
	Limit    time.Duration // of one case, before Scale
	Progress func(Result)  // called for each, one at a time; may be nil
}

// Front puts something before a core, and returns the addresses to speak to
// instead. It is closed when the case is over.
type Front func(data, control string, ports *driver.Ports) (frontData, frontControl string, closing func(), err error)

// Outcome is what came of a case. The zero value is invalid.
type Outcome uint8

// The outcomes.
const (
	Passed Outcome = iota + 1
	Failed
	Skipped
)

var outcomeNames = [...]string{"", "passed", "failed", "skipped"}

func (o Outcome) String() string { return outcomeNames[o] }

// Result is what came of one case.
type Result struct {
	Case    *script.Case
	Outcome Outcome
	Reason  string // why it failed, or was skipped
	Took    time.Duration
}

// Run plays the cases, and returns a result for each, in their order. The
// error is that nothing could be played.
func Run(ctx context.Context, cases []*script.Case, o Options) ([]Result, error) {
	if o.Running == nil && o.Core.Command == nil {
		return nil, errors.New("no core: neither a command line nor an address")
	}
	if o.Core.Ports == nil {
		o.Core.Ports = &driver.Ports{}
	}
	chosen := choose(cases, o.Match)
	if len(chosen) == 0 {
		return nil, errors.New("no case fits")
	}
	results := make([]Result, len(chosen))
	next := make(chan int)
	var mu sync.Mutex // around Progress
	var players sync.WaitGroup
	for range max(1, o.Parallel) {
		players.Go(func() {
			for i := range next {
				results[i] = playOne(ctx, chosen[i], o, i)
				if o.Progress != nil {
					mu.Lock()
					o.Progress(results[i])
					mu.Unlock()
				}
			}
		})
	}
	for i := range chosen {
		next <- i
	}
	close(next)
	players.Wait()
	return results, ctx.Err()
}

func choose(cases []*script.Case, match *regexp.Regexp) (out []*script.Case) {
	for _, c := range cases {
		if match == nil || match.MatchString(c.Name) || match.MatchString(c.Title) || slices.ContainsFunc(c.Rules, match.MatchString) {
			out = append(out, c)
		}
	}
	return out
}

// playOne plays one case against a core of its own, or the one that runs.
func playOne(ctx context.Context, c *script.Case, o Options, n int) Result {
	begun := time.Now()
	if why := skip(c, o); why != "" {
		return Result{c, Skipped, why, 0}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(float64(o.Limit)*o.Scale), fmt.Errorf("the case took longer than %v", o.Limit))
	defer cancel()
	err := against(ctx, c, o, n)
	if err != nil {
		return Result{c, Failed, err.Error(), time.Since(begun)}
	}
	return Result{c, Passed, "", time.Since(begun)}
}

func skip(c *script.Case, o Options) string {
	for _, f := range c.Features {
		if !slices.Contains(o.Features, f) {
			return "the feature " + f + " is not claimed"
		}
	}
	if o.Running != nil && ownCore(c) {
		return "it wants a core of its own, with its own configuration"
	}
	return ""
}

// ownCore reports whether a case cannot share a core that runs.
func ownCore(c *script.Case) bool {
	if c.Config != "" || c.Gateway != "" || c.Policies != nil || c.Adapters != nil {
		return true
	}
	return slices.ContainsFunc(c.Steps, func(s script.Step) bool {
		return s.Verb.Kinds[0] == script.Core || s.Verb.Name == "calls" || s.Verb.Name == "writes" || s.Verb.Name == "reloads"
	})
}

func against(ctx context.Context, c *script.Case, o Options, n int) error {
	if o.Running != nil {
		t := *o.Running
		t.Scale, t.Ports = o.Scale, o.Core.Ports
		t.Tag = fmt.Sprintf("x%x%d", time.Now().UnixMicro()&0xffffff, n)
		return play.Play(ctx, c, t)
	}
	core, err := driver.New(o.Core)
	if err != nil {
		return err
	}
	defer core.Close() // a folder that stays fails no case
	setting := driver.Setting{Gateway: scaled(c.Gateway, o.Scale), Blocks: scaled(c.Config, o.Scale), Policies: map[string]string{}, Adapters: map[string]string{}}
	for _, f := range c.Policies {
		setting.Policies[f.Name] = f.Text
	}
	for _, name := range c.Adapters {
		code, err := adapters.Read(name)
		if err != nil {
			return err
		}
		setting.Adapters[name] = string(code)
	}
	if err := core.Configure(setting); err != nil {
		return err
	}
	t := play.Target{
		Data: core.Data, Control: core.Control, Join: driver.JoinSecret, Core: core, Ports: o.Core.Ports, Scale: o.Scale, Setting: setting,
	}
	if !startsItself(c) {
		if err := core.Start(ctx); err != nil {
			return err
		}
	}
	if o.Front != nil {
		data, control, closing, err := o.Front(core.Data, core.Control, o.Core.Ports)
		if err != nil {
			return err
		}
		defer closing()
		t.Data, t.Control = data, control
	}
	return play.Play(ctx, c, t)
}

// startsItself reports whether the first step is about the core's start.
func startsItself(c *script.Case) bool {
	return c.Steps[0].Verb.Name == "refuses-config"
}

var length = regexp.MustCompile(`"([0-9.]+(ms|s|m|h))+"`)

// scaled multiplies the lengths of time in a configuration: texts that are
// nothing else.
func scaled(text string, scale float64) string {
	if scale == 1 {
		return text
	}
	return length.ReplaceAllStringFunc(text, func(quoted string) string {
		d, err := time.ParseDuration(quoted[1 : len(quoted)-1])
		if err != nil {
			return quoted
		}
		return `"` + time.Duration(float64(d)*scale).String() + `"`
	})
}
