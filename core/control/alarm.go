package control

import (
	"context"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// alarmPause is how long a module in trouble is left alone between two
// questions about incidents, unless its state changes.
const alarmPause = 5 * time.Second

// alarm is what is remembered of one module's incidents that policies called
// for.
type alarm struct {
	due   bool      // the module's state changed since; guarded by Control.mu
	asked time.Time // when policies were, last; guarded by Control.mu

	open map[string]fallback.Incident // by code; of the alarm goroutine alone, as below
	rate rate
}

// rate tells how many requests a second a module's callers saw turned away.
type rate struct {
	since            time.Time
	delayed, missing uint64 // at since
	perSecond        fallback.Trouble
}

// leastSpan is the shortest time over which a rate is one.
const leastSpan = time.Second

// measure returns the rates at now, when so many had been turned away.
func (r *rate) measure(now time.Time, delayed, missing uint64) fallback.Trouble {
	span := now.Sub(r.since)
	if !r.since.IsZero() && span < leastSpan {
		return r.perSecond
	}
	if !r.since.IsZero() {
		per := func(n uint64) int { return int(float64(n)/span.Seconds() + 0.5) }
		r.perSecond = fallback.Trouble{Delayed: per(delayed - r.delayed), Missing: per(missing - r.missing)}
	}
	r.since, r.delayed, r.missing = now, delayed, missing
	return r.perSecond
}

// alert has policies asked about e's module soon. The caller holds mu.
func (c *Control) alert(e *entry) {
	e.alarm.due = true
	select {
	case c.alarmed <- struct{}{}:
	default:
	}
}

// alarms asks policies which incidents administrators must be told of, on a
// goroutine of its own, once Begin was called: a policy that takes its time
// keeps no deadline waiting.
func (c *Control) alarms(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-c.begun:
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.alarmed:
		case <-timer.C:
		}
		if next := c.sound(c.now()); !next.IsZero() {
			timer.Reset(next.Sub(c.now()))
		}
	}
}

// sound asks about the modules whose turn it is, and returns when the next
// one's is, zero for never.
func (c *Control) sound(now time.Time) (next time.Time) {
	type question struct {
		e *entry
		q fallback.Query
	}
	var list []question
	c.mu.Lock()
	unmet := c.troubles(now)
	for name, e := range c.modules {
		a := &e.alarm
		state := e.record.Availability()
		troubled := state == message.Delayed || state == message.Missing || unmet[name].Unmet > 0 || len(a.open) > 0
		if state == message.Unknown || !a.due && !troubled {
			continue
		}
		if at := a.asked.Add(alarmPause); !a.due && now.Before(at) {
			next = sooner(next, at)
			continue
		}
		a.due, a.asked = false, now
		next = sooner(next, now.Add(alarmPause)) // then it may be over
		q := fallback.Query{Entrypoint: fallback.Alert, Now: now, Target: e.record.Target(now), Trouble: unmet[name]}
		q.Target.Losses = c.lossesOf(name, now)
		list = append(list, question{e, q})
	}
	c.mu.Unlock()
	for i := range list {
		c.call(list[i].e, &list[i].q)
	}
	return next
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// troubles returns which modules have requirements that are not met. The
// caller holds mu.
func (c *Control) troubles(now time.Time) map[string]fallback.Trouble {
	out := map[string]fallback.Trouble{}
	for _, i := range c.incidents {
		t := out[i.module]
		t.Unmet++
		t.Since = max(t.Since, now.Sub(i.since))
		out[i.module] = t
	}
	return out
}

// call asks policies about e's module, opens the incidents that they call for,
// and ends those that they do no longer.
func (c *Control) call(e *entry, q *fallback.Query) {
	a := &e.alarm
	t := a.rate.measure(q.Now, e.route.Delayed.Load(), e.route.Missing.Load())
	q.Trouble.Delayed, q.Trouble.Missing = t.Delayed, t.Missing
	q.Parked = c.o.Parked(e.route)
	was := a.open
	a.open = map[string]fallback.Incident{}
	for _, i := range c.o.Alerts(*q) {
		key := alarmKey(e.name, i.Code)
		if old, ok := was[i.Code]; ok && old.Severity != i.Severity {
			c.o.Resolve(key) // or a graver one would be silent
			delete(was, i.Code)
		}
		if _, ok := was[i.Code]; !ok {
			c.o.Call(e.name, key, i)
		}
		a.open[i.Code] = i
		delete(was, i.Code)
	}
	for code := range was {
		c.o.Resolve(alarmKey(e.name, code))
	}
}

func alarmKey(module, code string) string { return "alert/" + module + "/" + code }
