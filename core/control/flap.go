package control

import (
	"fmt"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// Who is lost too often is held out, each time twice as long (L5).
const (
	flapLosses = 3
	flapWindow = 10 * time.Minute
	leastHold  = 5 * time.Second
	mostHold   = 5 * time.Minute
)

// losses are what is remembered of an instance that was lost lately. They do
// not outlive a restart; how long it is held out does.
type losses struct {
	last [flapLosses]time.Time // the latest first
	hold time.Duration         // the latest; 0: it does not flap
	turn uint64                // of the record that has not heard of the latest
}

// note enters a loss, once, and returns how long the instance is held out for
// it. turn is that of the record before: an event that could not be saved
// comes again.
func (l *losses) note(now time.Time, turn uint64) time.Duration {
	if !l.last[0].IsZero() && l.turn == turn {
		return l.hold
	}
	l.turn = turn
	copy(l.last[1:], l.last[:])
	l.last[0] = now
	switch oldest := l.last[flapLosses-1]; {
	case oldest.IsZero() || now.Sub(oldest) > flapWindow:
		return 0
	case l.hold == 0:
		l.hold = leastHold
	default:
		l.hold = min(2*l.hold, mostHold)
	}
	return l.hold
}

// weigh returns ev, an instance's loss perhaps, with how long the instance is
// held out for it. It alerts once, until the instance has been quiet. A process
// that is replaced without having left was lost, too: it may crash and be back
// before its lease is over.
func (c *Control) weigh(name string, ev lifecycle.Event) lifecycle.Event {
	switch ev := ev.(type) {
	case lifecycle.Lost:
		ev.Hold = c.lost(name, ev.Instance)
		return ev
	case lifecycle.Unreachable:
		ev.Hold = c.lost(name, ev.Instance)
		return ev
	case lifecycle.Registered:
		if c.replacesLost(name, &ev) {
			ev.Hold = c.lost(name, ev.Instance.ID)
		}
		return ev
	default:
		return ev
	}
}

// replacesLost reports whether the process before, if one was in rotation, was
// lost: it had not said DISCONNECT, has no heir (U10), and is not one that the
// gateway itself speaks for, which registers anew when its configuration
// changes. After a start everyone may register (G6).
func (c *Control) replacesLost(name string, ev *lifecycle.Registered) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.modules[name].record
	v, in := r.Find(ev.Instance.ID)
	if in == nil || !in.Leaving.IsZero() || c.now().Before(r.Settled) {
		return false
	}
	heir := in.Phase == message.Updating && v.Version.Equal(ev.Version)
	return !heir && !c.config.SpeaksFor(name, in.ID)
}

func (c *Control) lost(name, id string) time.Duration {
	c.mu.Lock()
	r := c.modules[name].record
	_, in := r.Find(id)
	if in == nil || !in.InRotation() {
		c.mu.Unlock()
		return 0 // it was away already, or never there
	}
	l := c.flapping[id]
	if l == nil {
		l = &losses{}
		c.flapping[id] = l
	}
	was := l.hold
	hold := l.note(c.now(), r.Turn)
	c.mu.Unlock()
	if was == 0 && hold > 0 {
		c.o.Raise(name, lifecycle.Alert{Key: flapKey(id), Summary: fmt.Sprintf(
			"instance %s of %s was lost %d times within %s: it is held out for %s when it comes back, and longer each time", id, name, flapLosses, flapWindow, hold)})
	}
	return hold
}

// lossesOf counts the losses of a module's instances within the last
// flapWindow, of each at most as many as make it flap. The caller holds mu.
func (c *Control) lossesOf(module string, now time.Time) (n int) {
	for id, l := range c.flapping {
		if p := c.instances[id]; p == nil || p.module != module {
			continue
		}
		for _, at := range l.last {
			if !at.IsZero() && now.Sub(at) <= flapWindow {
				n++
			}
		}
	}
	return n
}

func flapKey(id string) string { return "flapping/" + id }

// quiet forgets the losses of instances that were not lost for a while, and
// returns when it should look again, zero for never.
func (c *Control) quiet(now time.Time) (next time.Time) {
	var over []string
	c.mu.Lock()
	for id, l := range c.flapping {
		switch end := l.last[0].Add(flapWindow); {
		case !now.Before(end):
			delete(c.flapping, id)
			if l.hold > 0 {
				over = append(over, flapKey(id))
			}
		case next.IsZero() || end.Before(next):
			next = end
		}
	}
	c.mu.Unlock()
	for _, key := range over {
		c.o.Resolve(key)
	}
	return next
}
