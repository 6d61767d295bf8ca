package policies

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// What one evaluation of one unit may take. The steps are the real limit, for
// they are the same everywhere; the time is for built-ins that are slow in one
// step, and generous, for it also passes while others run.
const (
	requestSteps    = 20_000
	requestTime     = 25 * time.Millisecond
	transitionSteps = 500_000
	transitionTime  = 100 * time.Millisecond
)

// spentError says that an evaluation took more than it may.
type spentError struct{ budget budget }

func (e spentError) Error() string {
	return fmt.Sprintf("takes more than %d steps, or %v", e.budget.steps, e.budget.limit)
}

func newBudget(e fallback.Entrypoint) *budget {
	if e == fallback.Request {
		return &budget{steps: requestSteps, limit: requestTime}
	}
	return &budget{steps: transitionSteps, limit: transitionTime}
}

// fixed is the time that evaluations see: none, for no built-in that looks at
// it is available.
var fixed = time.Unix(0, 0)

// evaluate asks one unit, and returns nil where it says nothing.
func (s *snapshot) evaluate(a *asker, e fallback.Entrypoint, in *ast.Term, tracers ...topdown.QueryTracer) (ast.Value, error) {
	body, ok := a.queries[e]
	if !ok {
		return nil, nil
	}
	budget := newBudget(e)
	q := topdown.NewQuery(body).WithCompiler(a.compiler).WithStore(s.store).WithTransaction(s.txn).WithInput(in).
		WithCancel(budget).WithMetrics(metrics.NoOp()).WithTime(fixed).WithIndexing(!s.unindexed).
		WithEarlyExit(len(tracers) == 0) // who traces wants to see every rule
	for _, t := range tracers {
		q = q.WithQueryTracer(t)
	}
	var v ast.Value
	err := q.Iter(context.Background(), func(r topdown.QueryResult) error {
		v = r[answerVar].Value
		return nil
	})
	if err != nil && budget.spent {
		err = spentError{*newBudget(e)}
	}
	return v, err
}

// ask asks the units in order, reporting the faults of those that fail. The
// answer is steady unless one was too expensive: asked again it may differ.
func (s *snapshot) ask(askers []*asker, q *fallback.Query, in *ast.Term, report func(Fault)) (d fallback.Decision, steady bool) {
	steady = true
	for _, a := range askers {
		d, said, fault := s.askOne(a, q, in)
		if said {
			return d, steady
		}
		if fault.Class != 0 {
			steady = steady && fault.Class != Spent
			report(fault)
		}
	}
	return beneath(q), steady
}

// askOne asks one unit: it says something, or nothing, or fails.
func (s *snapshot) askOne(a *asker, q *fallback.Query, in *ast.Term, tracers ...topdown.QueryTracer) (d fallback.Decision, said bool, f Fault) {
	if q.Entrypoint == fallback.Alert {
		list, f := s.incidents(a, q, in, tracers...)
		return d, len(list) > 0, f
	}
	v, f := s.value(a, q, in, tracers...)
	if v == nil {
		return d, false, f
	}
	d, err := answer(q, v)
	switch {
	case errors.As(err, &forbiddenError{}):
		return d, false, a.fault(q, Forbidden, err.Error())
	case err != nil:
		return d, false, a.fault(q, Invalid, err.Error())
	}
	d.By = by(a.unit, d.By)
	return d, true, f
}

// value returns the document with which the unit answers q, or nil where it
// says nothing, or fails.
func (s *snapshot) value(a *asker, q *fallback.Query, in *ast.Term, tracers ...topdown.QueryTracer) (ast.Value, Fault) {
	if len(tracers) == 0 {
		if v := s.constant(a, q.Entrypoint, in); v != nil {
			return v, Fault{}
		}
	}
	v, err := s.evaluate(a, q.Entrypoint, in, tracers...)
	if err != nil {
		return nil, a.fault(q, classify(err), detail(err))
	}
	return v, Fault{}
}

// constant is the document with which a unit answers an entrypoint whatever
// it is asked.
type constant struct {
	once  sync.Once
	value ast.Value // nil: it depends, or it fails
}

// constant returns the document with which the unit answers e whatever the
// input, or nil. It is found once: a platform that starts asks a base policy
// that says one thing of all modules hundreds of times.
func (s *snapshot) constant(a *asker, e fallback.Entrypoint, in *ast.Term) ast.Value {
	c := a.constants[e]
	if c == nil {
		return nil
	}
	c.once.Do(func() {
		on := s.analyse([]*asker{a}, e, nil, time.UTC)
		if len(on.predicates)+len(on.raw)+len(on.data) == 0 && on.bypass == "" {
			c.value, _ = s.evaluate(a, e, in) // who fails is asked again, and says why
		}
	})
	return c.value
}

func (a *asker) fault(q *fallback.Query, c Class, detail string) Fault {
	return Fault{Unit: a.unit, Class: c, Entrypoint: q.Entrypoint, Module: q.Target.Module, Detail: detail}
}

// by names who decided: the unit, and the rule as it calls itself.
func by(unit, rule string) string {
	if rule == "" {
		return unit
	}
	return unit + ": " + rule
}

// beneath is what holds when no unit has an answer, the base included.
func beneath(q *fallback.Query) fallback.Decision {
	d := fallback.Decision{By: "default"}
	switch q.Entrypoint {
	case fallback.Request:
		d.Action = fallback.Delay
		switch q.Target.State {
		case message.Ready:
			d.Action = fallback.Pass
		case message.Missing:
			d.Action = fallback.Miss
		case message.Unknown, message.Delayed:
		}
	case fallback.Absence:
		d.Action = fallback.Delay
	case fallback.Update:
		d.Action = fallback.Grant
	case fallback.Watch, fallback.Grace, fallback.Resume, fallback.Alert:
	}
	return d
}

func classify(err error) Class {
	var e *topdown.Error
	switch {
	case errors.As(err, &spentError{}):
		return Spent
	case errors.As(err, &e) && e.Code == topdown.ConflictErr:
		return Conflict
	}
	return Failed
}

func detail(err error) string {
	var e *topdown.Error
	if errors.As(err, &e) && e.Location != nil {
		return Diagnostic{e.Location.File, e.Location.Row, e.Message}.String()
	}
	return err.Error()
}
