package adaptertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/config"
)

// Broken is what became of a step whose hook was broken.
type Broken struct {
	Hook    string // the export
	How     string // trap, time, stack or memory
	OnError string // fail, skip or default
	Became  string // refused, or gone on without
}

// Break breaks each hook that the cases reach, by a crash, a loop and a call
// that do not end, and by asking for more memory than there is, and plays the step that reaches it with
// each on_error. It returns what became of it, and findings where the adapter
// was not left alone with its trouble: the host must end it in time, go on
// without it or refuse as on_error says, and serve the next step.
func (a *Adapter) Break(ctx context.Context, cases []*Case) (table []Broken, findings []Finding, err error) {
	for _, hook := range []string{"handle_request", "handle_response", "lifecycle_encode", "lifecycle_reply", "lifecycle_decode", "health_request", "health_response"} {
		c, s := reaching(cases, hook)
		if s == nil {
			continue
		}
		if whole, err := a.whole(ctx, c, s); err != nil {
			return table, findings, err
		} else if !whole {
			continue // which its case says
		}
		for _, how := range []string{breaksByTrap, breaksByTime, breaksByStack, breaksByMemory} {
			code, err := broken(a.code, hook, how)
			if err != nil {
				break // it does not export the hook
			}
			for _, on := range []config.OnError{config.Fail, config.Skip, config.ByHook} {
				b := Broken{Hook: hook, How: how, OnError: on.String()}
				finding, err := a.breakStep(ctx, code, c, s, on, &b)
				if err != nil {
					return table, findings, err
				}
				if table = append(table, b); finding != "" {
					findings = append(findings, Finding{fmt.Sprintf("%s broken by %s, on_error = %q", hook, how, on), finding})
				}
			}
		}
	}
	return table, findings, nil
}

// reaching returns a step that is played without a fault and reaches a hook.
func reaching(cases []*Case, hook string) (*Case, *Step) {
	for _, c := range cases {
		for i := range c.Steps {
			s := &c.Steps[i]
			if s.Want == nil || s.Want.Faults != nil || s.Want.Refused != "" || i > 0 {
				continue // what went before is not played
			}
			w := s.Want
			reached := false
			switch hook {
			case "handle_request":
				reached = s.Request != nil
			case "handle_response":
				reached = s.Request != nil && w.Request != nil && w.Response != nil
			case "lifecycle_encode":
				reached = s.Event != nil
			case "lifecycle_reply":
				reached = s.Event != nil && w.Request != nil
			case "lifecycle_decode":
				reached = s.Message != nil
			default:
				reached = s.Probe != nil
			}
			if reached {
				return c, s
			}
		}
	}
	return nil, nil
}

// whole reports whether the step passes without a fault while nothing is broken.
func (a *Adapter) whole(ctx context.Context, c *Case, s *Step) (bool, error) {
	p, err := a.player(ctx, c)
	if err != nil {
		return false, err
	}
	defer p.r.Close()
	return p.play(s).Faults == nil, nil
}

// breakStep plays s until its hook breaks, and once more.
func (a *Adapter) breakStep(ctx context.Context, code []byte, c *Case, s *Step, on config.OnError, b *Broken) (finding string, err error) {
	settings, err := c.settings()
	if err != nil {
		return "", err
	}
	settings.OnError = on
	if b.How == breaksByStack { // which takes more work to fill than the budget of a request is
		settings.Budget.Request, settings.Budget.Lifecycle, settings.Budget.Probe = time.Second, time.Second, time.Second
	}
	r, err := a.start(ctx, code, settings, 1)
	if err != nil {
		return "", fmt.Errorf("start the adapter with %s broken: %w", b.Hook, err)
	}
	defer r.Close()
	p := player{r: r, c: c}
	fault := b.Hook + ": " + b.How
	if b.How == breaksByMemory {
		fault = b.Hook + ": " + breaksByTrap
	}
	for range 3 {
		out := p.play(s)
		if !slices.Contains(out.Faults, fault) {
			if out.Faults != nil {
				return "it failed by " + strings.Join(out.Faults, ", "), nil
			}
			continue
		}
		b.Became = became(out)
		if want := expected(b.Hook, on); b.Became != want {
			return fmt.Sprintf("it was %s, want it %s", b.Became, want), nil
		}
		if b.How == breaksByStack {
			return "", nil // kept off at once: the stack costs the host much
		}
		if next := p.play(s); next.Faults != nil {
			return "the step after it failed, too: " + strings.Join(next.Faults, ", "), nil
		}
		return "", nil
	}
	return "it was never reached", nil
}

// What becomes of a step whose hook broke.
const (
	wasRefused = "refused"
	wentOn     = "gone on without"
)

func became(out *Outcome) string {
	if out.Refused != "" {
		return wasRefused
	}
	return wentOn
}

func expected(hook string, on config.OnError) string {
	probe := strings.HasPrefix(hook, "health_")
	if on == config.Skip || on == config.ByHook && probe {
		return wentOn
	}
	return wasRefused
}
