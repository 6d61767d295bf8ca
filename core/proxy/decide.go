package proxy

import (
	"time"
	"unsafe"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// decide asks the policy about the request in the state st (A2, A3). The
// answer comes from the plan's cache as a rule, and allocates nothing.
func (x *exchange) decide(st *route.State) {
	if st.Plan == nil {
		return
	}
	h := &x.head
	var tenant []byte
	if f := h.find(x.terms.tenant); f != nil {
		tenant = h.value(f)
	}
	x.wish = wish{http: fallback.HTTP{
		Method: text(h.method), Path: text(h.path), Route: x.target.Pattern, Host: text(h.host),
		Tenant: text(tenant), Size: max(h.size, 0), Repeatable: h.keyed,
	}}
	if x.caller != nil {
		i := x.caller.Instance
		x.wish.caller = fallback.Caller{Module: i.Module, Version: i.Version, OnDelay: x.caller.OnDelay}
	}
	x.decision = x.p.ask(&x.wish, x.module, st)
	if x.decision.Tally != nil {
		x.decision.Tally.Add(1)
	}
}

// wish is what a policy is told of a request beside what changes by itself.
type wish struct {
	http   fallback.HTTP
	caller fallback.Caller
}

// ask asks the plan of the state st, which has one. The question is lent: a
// request that is parked keeps none.
func (p *Proxy) ask(w *wish, m *route.Module, st *route.State) fallback.Decision {
	q := p.queries.Get().(*fallback.Query)
	defer p.queries.Put(q)
	*q = fallback.Query{}
	q.Entrypoint, q.HTTP, q.Caller = fallback.Request, w.http, w.caller
	q.Now = time.Now()
	if !st.Since.IsZero() {
		q.Target.Absent = max(0, q.Now.Sub(st.Since))
	}
	if !st.Until.IsZero() {
		q.Target.TTLLeft = max(0, st.Until.Sub(q.Now))
	}
	q.Parked.Count, q.Parked.Limit = p.Room.Waiting(m.Name)
	return st.Plan.Request(q)
}

// stays returns what tells, when the module's state or the policies changed,
// whether the request may wait on: it is asked anew, which is one evaluation
// for all that are alike. It keeps nothing of the request.
func (x *exchange) stays() func() bool {
	w, m, p, wait := &wish{http: x.wish.http.Clone(), caller: x.wish.caller}, x.module, x.p, x.decision.Wait
	return func() bool {
		st := m.State()
		if st.Availability == message.Ready || st.Plan == nil {
			return true // who is released looks by itself
		}
		d := p.ask(w, m, st)
		return d.Action == fallback.Delay && !d.Reply && (d.Wait == 0 || wait > 0 && wait <= d.Wait)
	}
}

// watched decides about a request to a module that is ready, as the policy
// asked to (A2). What it does not turn away goes its way.
func (x *exchange) watched(st *route.State) verdict {
	switch d := &x.decision; {
	case d.Action == fallback.Miss:
		x.answerMissing(x.problemOf(st, message.ReasonRefused))
	case d.Action == fallback.Delay:
		x.delay(st, message.ReasonRefused)
	case x.enter(st, st.Serving):
		return entered
	default:
		return missed // it closed meanwhile: there is a newer state
	}
	return answered
}

// text returns b as a string that is good for as long as b is not written to.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
