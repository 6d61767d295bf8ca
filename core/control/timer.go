package control

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// retryAfter is how long the timer waits after an event could not be saved.
const retryAfter = time.Second

// queue takes what must not wait for the store: reports from the goroutines
// of requests, and cursors to be saved.
type queue struct {
	wake chan struct{} // holds one: there is something to do

	mu      sync.Mutex
	reports []report            // guarded by mu
	cursors map[string]struct{} // instances whose cursor is to be saved; guarded by mu
}

type report struct {
	module string
	event  lifecycle.Event
}

func (q *queue) add(module string, ev lifecycle.Event) {
	q.mu.Lock()
	q.reports = append(q.reports, report{module, ev})
	q.mu.Unlock()
	q.wakeUp()
}

func (q *queue) mark(instance string) {
	q.mu.Lock()
	if q.cursors == nil {
		q.cursors = map[string]struct{}{}
	}
	q.cursors[instance] = struct{}{}
	q.mu.Unlock()
	q.wakeUp()
}

func (q *queue) wakeUp() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) take() ([]report, []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	reports, cursors := q.reports, slices.Sorted(maps.Keys(q.cursors))
	q.reports, q.cursors = nil, nil
	return reports, cursors
}

// run is the one goroutine of a Control: reports, cursors and deadlines.
func (c *Control) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			c.serve() // what was reported before the end is not lost
			return
		case <-c.queue.wake:
		case <-timer.C:
		}
		ok := c.serve()
		next := c.fire(c.now())
		if !ok && (next.IsZero() || next.Sub(c.now()) > retryAfter) {
			next = c.now().Add(retryAfter)
		}
		if !next.IsZero() {
			timer.Reset(next.Sub(c.now()))
		}
	}
}

// serve works off the queue and reports whether everything was saved; what
// was not is put back.
func (c *Control) serve() (ok bool) {
	ok = true
	reports, cursors := c.queue.take()
	for _, r := range reports {
		if _, err := c.apply(r.module, r.event); err != nil {
			c.o.Log.Error("a report could not be saved", "module", r.module, "cause", err)
			c.queue.again(func(q *queue) { q.reports = append(q.reports, r) })
			ok = false
		}
	}
	var lost atomic.Bool
	together(cursors, func(id string) {
		if err := c.saveCursor(id); err != nil {
			c.o.Log.Error("a cursor could not be saved", "instance", id, "cause", err)
			c.queue.again(func(q *queue) { q.cursors[id] = struct{}{} })
			lost.Store(true)
		}
	})
	return ok && !lost.Load()
}

// again puts something back without waking anyone.
func (q *queue) again(put func(*queue)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cursors == nil {
		q.cursors = map[string]struct{}{}
	}
	put(q)
}

// fire applies what is due at now and returns the next deadline, zero for
// none.
func (c *Control) fire(now time.Time) time.Time {
	due, next := c.deadlines(now)
	ok := true
	for _, s := range c.applyAll(due) {
		if s.err != nil {
			c.o.Log.Error("a deadline could not be saved", "module", s.e.name, "cause", s.err)
			ok = false
		}
	}
	if !ok {
		return now.Add(retryAfter)
	}
	if len(due) > 0 {
		_, next = c.deadlines(now)
	}
	for _, at := range [...]time.Time{c.unresolved(now), c.quiet(now), c.overdue(now)} {
		if next.IsZero() || !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	return next
}

// deadlines returns what is due, by module, and when the next is.
func (c *Control) deadlines(now time.Time) (due []move, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, e := range c.modules {
		m := move{module: name}
		consider := func(at time.Time, ev lifecycle.Event) {
			switch {
			case !now.Before(at):
				m.events = append(m.events, ev)
			case next.IsZero() || at.Before(next):
				next = at
			}
		}
		if at, ok := e.record.Deadline(); ok {
			consider(at, lifecycle.Tick{})
		}
		for i := range e.record.Versions {
			for _, in := range e.record.Versions[i].Instances {
				p := c.instances[in.ID]
				if p != nil && (in.Phase != message.Out || in.Socket) {
					consider(p.expiry, lifecycle.Lost{Instance: in.ID, Reason: message.ReasonLost})
				}
			}
		}
		if m.events != nil {
			due = append(due, m)
		}
	}
	slices.SortFunc(due, func(a, b move) int { return strings.Compare(a.module, b.module) })
	return due, next
}

// leaseEnd returns when a lease that begins now ends: not before the gateway
// has settled (G6).
func (c *Control) leaseEnd(now time.Time, lease time.Duration) time.Time {
	end := now.Add(lease)
	if end.Before(c.settled) {
		return c.settled
	}
	return end
}
