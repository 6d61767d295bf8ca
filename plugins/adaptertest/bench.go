package adaptertest

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/modgate/modgate/core/adapter"
)

// Figure is what one step costs: through the adapter, and edited natively, in
// turns of the same run.
type Figure struct {
	Where       string  `json:"where"`
	Nanoseconds float64 `json:"ns"`
	Allocations float64 `json:"allocations"`
	Native      float64 `json:"native_ns"` // the same edit without an adapter
	Ratio       float64 `json:"ratio"`     // of the first to that
}

func (f Figure) String() string {
	return fmt.Sprintf("%8.0f ns %5.1f allocations %6.1fx native (%.0f ns)", f.Nanoseconds, f.Allocations, f.Ratio, f.Native)
}

// Bench measures every request of the cases that is played without a fault,
// from its beginning to the end of its answer, for about the time given to
// each.
func (a *Adapter) Bench(ctx context.Context, cases []*Case, each time.Duration) (figures []Figure, err error) {
	for _, c := range cases {
		settings, err := c.settings()
		if err != nil {
			return nil, err
		}
		r, err := a.start(ctx, a.code, settings, 1)
		if err != nil {
			if c.Start != nil && c.Start.Refused != "" {
				continue
			}
			return nil, err
		}
		p := player{r: r, c: c}
		for i := range c.Steps {
			s := &c.Steps[i]
			if s.Request == nil {
				continue
			}
			f, ok, err := p.measure(s, each)
			if err != nil {
				r.Close()
				return nil, err
			}
			if ok {
				figures = append(figures, f)
			}
		}
		r.Close()
	}
	return figures, nil
}

// rounds is how many turns adapter and native edit take: the fastest counts,
// as it was disturbed least.
const rounds = 5

// measure reports false for a step that fails, and returns an error if one
// fails that did not at first.
func (p *player) measure(s *Step, each time.Duration) (Figure, bool, error) {
	w := &pass{p: p, s: s, x: newExchange(s.Request, "GET", p.properties(s))}
	answer := s.answer()
	through := func() {
		w.x.reset()
		w.failed = false
		w.again(answer)
	}
	through()
	if p.r.told().faults != nil || w.failed {
		return Figure{}, false, nil
	}
	n := newNative(s, w)
	f := Figure{Where: fmt.Sprintf("%s:%d", p.c.file, s.line)}
	turn := each / (2 * rounds)
	for range rounds {
		f.Nanoseconds = least(f.Nanoseconds, timed(through, turn))
		f.Native = least(f.Native, timed(n.edit, turn))
	}
	f.Allocations = allocations(through)
	f.Ratio = f.Nanoseconds / max(f.Native, 1)
	if why := p.r.told().why; why != nil {
		return f, false, fmt.Errorf("%s: it fails now and then: %s", f.Where, why[0])
	}
	return f, true, nil
}

// again is ask and end without what only a case needs.
func (w *pass) again(answer *arrived) {
	var err error
	if w.call, err = w.p.r.Request(w.x); err != nil {
		w.failed = true
		return
	}
	if !w.call.Next {
		return
	}
	if w.s.Failed {
		w.x.fail()
	} else {
		w.x.reply(answer, w.call.Buffer)
	}
	if w.call.Response && w.p.r.Response(w.call, w.x, w.s.Failed) != nil {
		w.failed = true
	}
}

func least(a, b float64) float64 {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// timed returns what a call of f takes, in nanoseconds.
func timed(f func(), for_ time.Duration) float64 {
	calls := 0
	began := time.Now()
	for n := 1; ; n *= 2 {
		for range n {
			f()
		}
		if calls += n; time.Since(began) >= for_ {
			return float64(time.Since(began).Nanoseconds()) / float64(calls)
		}
	}
}

// allocations returns how many a call of f makes.
func allocations(f func()) float64 {
	const calls = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / calls)
}

// native makes of a request what the adapter made of it, without one.
type native struct {
	x      *exchange
	s      *Step
	answer *arrived
	made   *exchange // by the adapter
	early  bool      // by its own answer
}

func newNative(s *Step, w *pass) *native {
	return &native{x: newExchange(s.Request, "GET", nil), s: s, answer: s.answer(), made: w.x, early: !w.call.Next}
}

func (n *native) edit() {
	x, made := n.x, n.made
	x.reset()
	if !bytes.Equal(x.method, made.method) {
		x.SetMethod(made.method)
	}
	if !bytes.Equal(x.target, made.target) {
		x.SetTarget(made.target)
	}
	n.fields(adapter.RequestHeader)
	n.fields(adapter.RequestTrailer)
	n.body(adapter.Request)
	if !n.early && !n.s.Failed {
		x.reply(n.answer, 0)
	}
	if x.status != made.status {
		x.SetStatus(made.status)
	}
	n.fields(adapter.ResponseHeader)
	n.fields(adapter.ResponseTrailer)
	n.body(adapter.Response)
}

func (n *native) body(s adapter.Side) {
	if n.made.edited[s] {
		n.x.SetBody(s, n.made.bodies[s])
	}
}

// fields sets what the adapter set, and looks at the others as it may have
// done.
func (n *native) fields(p adapter.Part) {
	made, own := &n.made.fields[p], &n.x.fields[p]
	if !made.Edited() {
		return
	}
	for _, f := range made.All() {
		if !has(own.All(), f) {
			own.Set(f.Name, f.Value)
		}
	}
	if len(own.All()) > len(made.All()) {
		for i := len(own.All()) - 1; i >= 0; i-- {
			if f := own.All()[i]; !has(made.All(), f) {
				own.Remove(f.Name)
				i = min(i, len(own.All()))
			}
		}
	}
}

func has(all []adapter.Field, f adapter.Field) bool {
	for i := range all {
		if len(all[i].Name) == len(f.Name) && strings.EqualFold(string(all[i].Name), string(f.Name)) && bytes.Equal(all[i].Value, f.Value) {
			return true
		}
	}
	return false
}
