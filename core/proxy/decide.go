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
	if f := h.find(x.p.Tenant); f != nil {
		tenant = h.value(f)
	}
	q := &x.query
	*q = fallback.Query{Entrypoint: fallback.Request, HTTP: fallback.HTTP{
		Method: text(h.method), Path: text(h.path), Route: x.target.Pattern, Host: text(h.host),
		Tenant: text(tenant), Size: max(h.size, 0), Repeatable: h.keyed,
	}}
	if x.caller != nil {
		i := x.caller.Instance
		q.Caller = fallback.Caller{Module: i.Module, Version: i.Version, OnDelay: x.caller.OnDelay}
	}
	x.p.date(q, x.module, st)
	x.decision = st.Plan.Request(q)
	if x.decision.Tally != nil {
		x.decision.Tally.Add(1)
	}
}

// date fills in what changes by itself.
func (p *Proxy) date(q *fallback.Query, m *route.Module, st *route.State) {
	q.Now = time.Now()
	if !st.Since.IsZero() {
		q.Target.Absent = max(0, q.Now.Sub(st.Since))
	}
	if !st.Until.IsZero() {
		q.Target.TTLLeft = max(0, st.Until.Sub(q.Now))
	}
	q.Parked.Count, q.Parked.Limit = p.Room.Waiting(m.Name)
}

// stays returns what tells, when the module's state or the policies changed,
// whether the request may wait on: it is asked anew, which is one evaluation
// for all that are alike. It keeps nothing of the request.
func (x *exchange) stays() func() bool {
	q, m, p, wait := x.query.Clone(), x.module, x.p, x.decision.Wait
	return func() bool {
		st := m.State()
		if st.Availability == message.Ready || st.Plan == nil {
			return true // who is released looks by itself
		}
		q := q
		q.Target = fallback.Target{}
		p.date(&q, m, st)
		d := st.Plan.Request(&q)
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
