package voice

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/probe"
	"github.com/modgate/modgate/core/route"
)

// voice speaks for one instance. What it says follows from where the instance
// stands and from what is known of it, whatever happened before; so it only
// has to look again whenever something did.
type voice struct {
	config.Declared
	all  *Voices
	wake chan struct{} // holds one: look again
	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup

	courier *courier // brings notices

	mu     sync.Mutex
	caller *route.Caller // nil until it could be registered; guarded by mu, as below
	void   bool          // the registration is no more: an administrator dropped it, or it was forgotten
	lease  time.Duration // that it was given last
	seq    uint64        // of the last announcement (U7)
	begun  bool          // the goroutine runs

	finding  *probe.Finding // nil: none of this process yet
	degraded bool           // and the administrator knows
	used     bool           // a process has run under the registration, or may have
	fresh    bool           // and another one runs now: it has to register
	anew     bool           // it may come back, though it was fenced or dropped
	leaving  bool           // it is declared no longer
	parted   bool           // its process is to stop, and has said so

	// of the goroutine that speaks
	barred bool  // it was fenced by the floor, or a promotion
	talk   *talk // about the grant that it holds
}

func (v *Voices) newVoice(d config.Declared) *voice {
	ctx, stop := context.WithCancel(v.ctx)
	made := &voice{Declared: d, all: v, wake: make(chan struct{}, 1), ctx: ctx, stop: stop, anew: true}
	made.courier = made.newCourier()
	return made
}

func (v *voice) key(what string) string { return what + "/" + v.Instance }

// equal reports whether other would do and say the same.
func (v *voice) equal(other *voice) bool { return reflect.DeepEqual(v.Declared, other.Declared) }

// adopt makes a caller that was registered before its own.
func (v *voice) adopt(c *route.Caller) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.caller, v.used = c, true
}

// take goes on where old, which has ended, stood.
func (v *voice) take(old *voice) {
	old.mu.Lock()
	seq, parted, used := old.seq, old.parted, old.used
	old.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seq, v.parted, v.used = seq, parted, used
}

// encourage lets it come back, though it was fenced or dropped.
func (v *voice) encourage() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.anew = true
}

// leave lets it say nothing but DISCONNECT from now on. It reports whether
// there is anybody to say it for, and whether that is new.
func (v *voice) leave() (any, news bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	news = !v.leaving
	v.leaving = true
	return v.caller != nil, news
}

// speaks reports whether it has begun to.
func (v *voice) speaks() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.begun
}

func (v *voice) leaves() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.leaving
}

// part lets it say nothing but DISCONNECT until its process runs again, and
// reports whether there is anybody to say it for.
func (v *voice) part() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.parted = true
	return v.caller != nil
}

// rouse lets it look again.
func (v *voice) rouse() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// speakNow speaks, and from now on whenever it is roused.
func (v *voice) speakNow() {
	v.mu.Lock()
	begun := v.begun
	v.begun = true
	v.mu.Unlock()
	if begun {
		v.rouse()
		return
	}
	v.speak()
	v.attend()
	v.done.Go(v.courier.run)
	v.done.Go(func() {
		for {
			select {
			case <-v.ctx.Done():
				v.hush()
				return
			case <-v.wake:
			case <-time.After(v.pause()):
			}
			v.speak()
		}
	})
}

// end lets it fall silent, and waits for that.
func (v *voice) end() {
	v.stop()
	v.done.Wait()
}

// retry is how long a registration that was refused waits to be tried again.
const retry = 2 * time.Second

// pause returns how long it may go without a look.
func (v *voice) pause() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.caller == nil, v.lease == 0:
		return retry
	default:
		return v.lease / 3
	}
}

// bearer returns who calls on its egress, nil if its token would open nothing.
func (v *voice) bearer() *route.Caller {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.void {
		return nil
	}
	return v.caller
}

// speak does what is to be done now, and lets the administrator know if that
// cannot be.
func (v *voice) speak() {
	err := v.act()
	switch {
	case v.ctx.Err() != nil, errors.Is(err, lifecycle.ErrFenced), errors.Is(err, lifecycle.ErrUnknown): // a higher version took over (V2), or an administrator dropped it
	case err == nil, errors.Is(err, lifecycle.ErrRefused): // while a higher version serves (V3)
		v.all.o.Alerts.Clear(v.key("declared"))
	default:
		v.all.raise(v.key("declared"), alert.Critical, v.Module, "%s %s is declared but cannot serve: %v", v.Module, v.Version, err)
	}
}

// act looks where the instance stands, and says what it would.
func (v *voice) act() error {
	at, there := v.look()
	is := v.facts()
	if is.leaving {
		return nil
	}
	if v.joins(at, there, is) {
		v.hush()
		if err := v.register(); err != nil {
			return err
		}
		at, there = v.look()
	}
	if !there {
		return nil // an administrator dropped it (O1), or it was forgotten below a version that serves
	}
	v.barred = at.Phase == message.Fenced && at.Barred
	if at.Phase == message.Updating {
		return v.hold(at, is)
	}
	if at.Grant.Instance != v.Instance {
		v.hush()
	}
	if is.down && inRotation(at.Phase) {
		v.all.o.Log.Warn("a declared instance is lost", "module", v.Module, "instance", v.Instance, "reason", is.why, "cause", is.cause)
		return v.all.o.Control.Lose(v.Module, v.Instance, is.why)
	}
	if !is.up || is.parted {
		return nil
	}
	if at.Sick {
		if err := v.all.o.Control.Heal(v.Module, v.Instance); err != nil {
			return err
		}
	}
	if !begins(at) {
		return nil
	}
	return v.say(v.ctx, v.verb(at))
}

// begins reports whether an instance that stands there, and is up, has to say
// so.
func begins(at control.Place) bool {
	switch at.Phase {
	case message.Starting:
		return !at.Held
	case message.Idle:
		return !at.Refused
	case message.Out:
		return !at.Socket
	default:
		return false
	}
}

// joins reports whether the instance has to be registered: it never was, a new
// process runs, it may come back, or it held an UPDATE, was lost, and answers
// again: then it inherits its grant (U10).
func (v *voice) joins(at control.Place, there bool, is facts) bool {
	switch {
	case is.unknown, is.fresh, !there && is.anew:
		return true
	case at.Phase == message.Fenced:
		return is.anew || v.barred && !at.Barred
	default:
		return at.Grant.Instance == v.Instance && at.Grant.Lost != message.NoReason && is.heard && !is.parted
	}
}

// verb returns what begins its service: UPDATE where the gateway asks for it,
// for a version above every one that was ever granted, or while one of this
// version's is granted (L4, U9).
func (v *voice) verb(at control.Place) message.Verb {
	granted := !at.Grant.IsZero() && at.Grant.Version.Equal(v.Version)
	if v.Update == config.OnTakeover && (at.Floor.Less(v.Version) || granted) {
		return message.Update
	}
	return message.Resume
}

// hold does what is to be done for the holder of an UPDATE. It is lost by its
// process' exit, or when nobody answers its probes any more (U6); what it was
// told goes on then, since a late acknowledgement counts still.
func (v *voice) hold(at control.Place, is facts) error {
	limit := v.Probe.UpdateFailures
	switch {
	case is.down && is.why == message.ReasonLost:
		v.hush()
		return v.all.o.Control.Lose(v.Module, v.Instance, message.ReasonLost)
	case limit > 0 && is.silent >= limit:
		return v.all.o.Control.Lose(v.Module, v.Instance, message.ReasonUnhealthy)
	case is.heard && !is.parted:
		v.tell(at.Epoch)
	}
	return nil
}

// look renews the lease and returns where the instance stands.
func (v *voice) look() (control.Place, bool) {
	v.mu.Lock()
	caller := v.caller
	v.mu.Unlock()
	if caller == nil {
		return control.Place{}, false
	}
	renewed, err := v.all.o.Control.Renew(caller)
	gone := errors.Is(err, lifecycle.ErrUnknown)
	at, there := control.Place{}, false
	if !gone {
		at, there = v.all.o.Control.Place(v.Module, v.Instance)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.void = !there; err == nil {
		v.lease = time.Duration(renewed.Lease)
	}
	return at, there
}

func (v *voice) register() error {
	r, err := v.all.o.Control.Register(v.Registration, string(v.Secret))
	if err != nil {
		return err
	}
	v.joined(r)
	return nil
}

// joined takes in that the instance is registered.
func (v *voice) joined(r message.Registered) {
	caller := v.all.o.Control.Bearer(r.Token)
	running := v.all.process(v.Process).running
	v.mu.Lock()
	defer v.mu.Unlock()
	v.caller, v.void, v.lease, v.fresh, v.anew = caller, false, time.Duration(r.Lease), false, false
	v.used = running
}

// say announces.
func (v *voice) say(ctx context.Context, verb message.Verb) error {
	caller, seq := v.next()
	_, err := v.all.o.Control.Announce(ctx, caller, message.Announcement{Type: verb, Seq: seq}, 0)
	return err
}

// next returns who makes the next announcement, and its number. The time stands
// for a number that rises with each, over restarts too (U7).
func (v *voice) next() (*route.Caller, uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seq = max(v.seq+1, uint64(time.Now().UnixMicro()))
	return v.caller, v.seq
}

// inRotation reports whether requests may be on their way to an instance of
// that phase that holds no UPDATE.
func inRotation(p message.Phase) bool {
	return p == message.Serving || p == message.Draining || p == message.Waiting
}
