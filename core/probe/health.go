package probe

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
)

// Standing is where an instance's health stands after its thresholds. The zero
// value is Unsure.
type Standing uint8

// The standings.
const (
	Unsure Standing = iota // not asked often enough yet
	Up
	Down
)

var standingNames = [...]string{"unsure", "up", "down"}

func (s Standing) String() string { return standingNames[s] }

// Subject is an instance whose health is asked for.
type Subject struct {
	Instance, Module, Upstream string
	Probe                      config.Probe

	// Report is called after each probe, one at a time. It may block: the
	// next probe waits.
	Report func(Finding)
}

// Finding is what an instance's probes have found so far.
type Finding struct {
	Standing Standing
	Degraded bool  // up, and its adapter wants an administrator to look at it
	Silent   int   // probes in a row that nobody answered
	Cause    error // why the last one failed, nil if it did not
}

// HealthOptions are what Health works with.
type HealthOptions struct {
	Client  *Client
	Adapter func(module string) adapter.Adapter // that judges; nil: none does
}

// Health asks instances whether they can serve, each as its probe says (L2).
// OpenHealth makes one.
type Health struct {
	o    HealthOptions
	done sync.WaitGroup

	mu    sync.Mutex
	stops map[string]context.CancelFunc // by instance; nil once closed; guarded by mu
}

// OpenHealth returns a Health that asks nobody.
func OpenHealth(o HealthOptions) *Health {
	if o.Adapter == nil {
		o.Adapter = func(string) adapter.Adapter { return adapter.None{} }
	}
	return &Health{o: o, stops: map[string]context.CancelFunc{}}
}

// Watch asks the instance from now on, in the place of what was asked of it
// before. Watch does not block.
func (h *Health) Watch(s Subject) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stops == nil {
		return
	}
	if stop := h.stops[s.Instance]; stop != nil {
		stop()
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stops[s.Instance] = stop
	h.done.Go(func() { h.ask(ctx, s) })
}

// Stop asks the instance no longer. It does not block: a report that has begun
// goes on.
func (h *Health) Stop(instance string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if stop := h.stops[instance]; stop != nil {
		stop()
		delete(h.stops, instance)
	}
}

// Close asks nobody any longer, and waits for reports that have begun.
func (h *Health) Close() {
	h.mu.Lock()
	for _, stop := range h.stops {
		stop()
	}
	h.stops = nil
	h.mu.Unlock()
	h.done.Wait()
}

// firstWait is how long an instance that is not up waits to be asked again; it
// doubles, up to the interval.
const firstWait = 250 * time.Millisecond

// ask asks until ctx ends.
func (h *Health) ask(ctx context.Context, s Subject) {
	t := tally{Probe: s.Probe}
	sooner := backoff{Backoff: config.Backoff{Min: min(firstWait, s.Probe.Interval), Max: s.Probe.Interval}}
	for {
		begun := time.Now()
		was := t.Standing
		t.note(h.once(ctx, s))
		if ctx.Err() != nil {
			return
		}
		s.Report(t.Finding)
		wait := s.Probe.Interval
		if t.Standing != Up {
			wait = sooner.next(0)
		} else if was != Up {
			sooner.last = 0
		}
		select {
		case <-time.After(jittered(wait, s.Probe.Jitter) - time.Since(begun)):
		case <-ctx.Done():
			return
		}
	}
}

// jittered varies d by up to that many percent.
func jittered(d time.Duration, percent int) time.Duration {
	span := d * time.Duration(percent) / 100
	return d - span + rand.N(2*span+1)
}

// once asks once, and returns the judgement, never ByRule, with the reason of
// a failure.
func (h *Health) once(ctx context.Context, s Subject) (adapter.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Probe.Timeout)
	defer cancel()
	var err error
	switch s.Probe.Type {
	case config.TCPProbe:
		err = h.o.Client.Connect(ctx, s.Upstream)
	case config.HTTPProbe:
		return h.http(ctx, s)
	case config.NoProbe:
		return adapter.Up, nil
	}
	if err != nil {
		return adapter.Down, silence{err}
	}
	return adapter.Up, nil
}

// silence is a failure in which nobody answered.
type silence struct{ error }

func (s silence) Unwrap() error { return s.error }

// http asks by a request, which the module's adapter may edit and whose answer
// it may judge. An adapter that cannot leaves it to the rule.
func (h *Health) http(ctx context.Context, s Subject) (adapter.Health, error) {
	a := h.o.Adapter(s.Module)
	d := adapter.NewProbe(s.Probe.Path)
	d.Properties = map[string]string{"module.name": s.Module, "module.instance": s.Instance, "module.endpoint": s.Upstream}
	call, err := a.Probe(d)
	if err != nil {
		a, call = adapter.None{}, adapter.Call{Next: true}
		d.Discard()
	}
	if call.Next {
		err = h.o.Client.Do(ctx, s.Upstream, d)
	}
	health, fault := a.Judge(call, d, err != nil)
	if fault != nil {
		health = adapter.ByRule
	}
	switch {
	case err != nil:
		err = silence{err}
	case d.Status() < 200 || d.Status() > 399:
		err = fmt.Errorf("GET %s is answered %d", s.Probe.Path, d.Status())
	}
	switch {
	case health == adapter.ByRule && err == nil:
		return adapter.Up, nil
	case health == adapter.ByRule:
		return adapter.Down, err
	case health == adapter.Down && err == nil:
		return adapter.Down, errors.New("its adapter says that it is down")
	case health == adapter.Down:
		return adapter.Down, err
	default:
		return health, nil
	}
}

// tally counts what the probes of an instance found.
type tally struct {
	config.Probe
	Finding
	successes, failures int // in a row
}

func (t *tally) note(h adapter.Health, err error) {
	t.Degraded, t.Cause = h == adapter.Degraded, err
	if errors.As(err, new(silence)) {
		t.Silent++
	} else {
		t.Silent = 0
	}
	switch h {
	case adapter.Up, adapter.Degraded:
		t.successes, t.failures = t.successes+1, 0
	case adapter.Down:
		t.successes, t.failures = 0, t.failures+1
	case adapter.Starting, adapter.ByRule: // no failure, and no success
		t.successes, t.failures = 0, 0
	}
	switch {
	case t.successes >= t.Rise:
		t.Standing = Up
	case t.failures >= t.Fall:
		t.Standing = Down
	}
}
