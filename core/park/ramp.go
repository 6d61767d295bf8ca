package park

import "time"

const (
	firstWindow = 32                   // requests under way when a ramp begins
	patience    = time.Second          // how long one counts as under way, at most
	slack       = 5 * time.Millisecond // of an answer that is still quick
	tick        = time.Millisecond     // between two looks at the rate, at least
	burst       = 10 * time.Millisecond
)

// Outcome is what became of a request that was let go on a ramp.
type Outcome uint8

// The outcomes.
const (
	Void   Outcome = iota // it never came to its module, or tells nothing of it
	Took                  // the module answers it
	Failed                // the module was not up to it
)

// Pass is a request's leave to go to its module. Who got one says once what
// became of it, the sooner the better: others wait for that. A nil Pass binds
// to nothing.
type Pass struct {
	room *Room
	lot  *lot
	ramp *ramp
	at   time.Time // when it was given
	done bool      // guarded by Room.mu
}

// Done says what became of the request. Only the first word counts.
func (p *Pass) Done(o Outcome) {
	if p == nil {
		return
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.done || p.lot.ramp != p.ramp {
		return
	}
	now := time.Now()
	p.ramp.back(p)
	p.ramp.learn(o, p.at, now)
	p.room.advance(p.lot, now)
}

// ramp lets the requests of a lot go no faster than their module takes them
// (A5): at most rate a second, which the policy sets, and at most window
// under way, which follows from the module's answers. A quick one opens the
// window by one, so that it doubles in the time of an answer; a slow one
// leaves it; a failed one halves it, and from then on it opens by one in the
// time of an answer. Guarded by Room.mu.
type ramp struct {
	pause  time.Duration // between two requests, by the rate
	due    time.Time     // when the next one may go, by the rate
	window int
	under  int
	passes []*Pass       // that were given, the oldest first; done ones too
	least  time.Duration // that an answer took
	quick  int           // answers since the window was opened
	halved time.Time     // when the window was; who went before has been counted in
	timer  *time.Timer
}

// limit sets the rate, in requests a second.
func (p *ramp) limit(rate int) { p.pause = time.Second / time.Duration(rate) }

// give lets one go at now.
func (p *ramp) give(r *Room, l *lot, now time.Time) *Pass {
	if stale := now.Add(-burst); p.due.Before(stale) {
		p.due = stale // what was not used is lost
	}
	p.due = p.due.Add(p.pause)
	pass := &Pass{room: r, lot: l, ramp: p, at: now}
	p.passes = append(p.passes, pass)
	p.under++
	return pass
}

// back counts a pass as done.
func (p *ramp) back(pass *Pass) {
	pass.done = true
	p.under--
}

// learn opens or closes the window.
func (p *ramp) learn(o Outcome, began, now time.Time) {
	switch o {
	case Void:
	case Took:
		took := now.Sub(began)
		if p.least == 0 || took < p.least {
			p.least = max(took, 1)
		}
		if took <= 2*p.least+slack {
			p.open()
		}
	case Failed:
		if began.After(p.halved) {
			p.window, p.halved, p.quick = max(1, p.window/2), now, 0
		}
	}
}

// open opens the window for a quick answer.
func (p *ramp) open() {
	if p.quick++; p.halved.IsZero() || p.quick >= p.window {
		p.window++
		p.quick = 0
	}
}

// forget no longer counts those that have been under way for long: a module
// that is slow by nature must not keep the others back. It returns when the
// next one will have been.
func (p *ramp) forget(now time.Time) time.Time {
	for len(p.passes) > 0 {
		first := p.passes[0]
		if over := first.at.Add(patience); !first.done && now.Before(over) {
			return over
		}
		if !first.done {
			p.back(first)
		}
		p.passes = p.passes[1:]
	}
	return time.Time{}
}

// advance lets go whoever may, and sees to it that it is called again. The
// caller holds mu.
func (r *Room) advance(l *lot, now time.Time) {
	p := l.ramp
	over := p.forget(now)
	for l.going.waiting > 0 && p.under < p.window && !now.Before(p.due) {
		w := l.going.pop()
		w.pass = p.give(r, l, now)
		r.vacate(w)
		w.wake <- struct{}{}
	}
	switch {
	case l.going.waiting == 0:
		l.end()
	case p.under >= p.window && !over.IsZero():
		p.again(over.Sub(now))
	default:
		p.again(p.due.Sub(now))
	}
}

func (p *ramp) again(in time.Duration) { p.timer.Reset(max(in, tick)) }

// ascend lets the requests of l go on a ramp. The caller holds mu.
func (r *Room) ascend(l *lot, rate int) {
	l.going.take(&l.waiting)
	now := time.Now()
	if l.ramp == nil {
		p := &ramp{due: now, window: firstWindow}
		p.timer = time.AfterFunc(patience, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if l.ramp == p {
				r.advance(l, time.Now())
			}
		})
		l.ramp = p
	}
	l.ramp.limit(rate)
	r.advance(l, now)
}

// end ends the ramp, if there is one.
func (l *lot) end() {
	if l.ramp != nil {
		l.ramp.timer.Stop()
		l.ramp = nil
	}
}
