package proxy

import (
	"slices"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// place is where a request goes. The request is counted in at instance.
type place struct {
	instance *route.Instance
	door     *route.Door    // by which it was, and is counted out
	version  *route.Version // nil for the holder of an UPDATE
	state    *route.State
}

const (
	maxLooks    = 8  // at states in which an instance closed before a request entered it
	maxRounds   = 3  // of parking (architecture.md 4)
	maxRefusals = 20 // of connections, for one request
)

// serve brings the request to an instance, and answers it otherwise.
func (x *exchange) serve() {
	if x.run.full() && x.run.verified() {
		x.cycle(x.module.State())
		return
	}
	for x.find() {
		if x.forward() {
			return
		}
		if x.refusals++; x.refusals == maxRefusals {
			x.delay(x.module.State(), message.NoReason)
			return
		}
	}
}

// find looks for the place of the request, once per state that it sees, and
// enters it. If it returns false, the request is answered.
func (x *exchange) find() bool {
	for looks := 0; looks < maxLooks; looks++ {
		st := x.module.State()
		if x.enterOwn(st) {
			return true
		}
		if x.removed() {
			x.unknown("removed-in " + x.target.RemovedIn)
			return false
		}
		unmet := x.unmet()
		if st.Availability == message.Ready && st.Serving != nil && unmet == nil && !st.Watched {
			if x.enter(st, st.Serving) {
				return true
			}
			continue // it closed meanwhile: there is a newer state
		}
		if x.elsewhere() {
			if !x.welcome() {
				return false
			}
			continue
		}
		switch x.absent(st, unmet) {
		case answered:
			return false
		case entered:
			return true
		case again:
			looks = 0 // it waited
			if x.elsewhere() && !x.welcome() {
				return false
			}
		case missed:
		}
	}
	x.delay(x.module.State(), message.NoReason)
	return false
}

// elsewhere reports whether the request's route has gone to another module since
// it was matched (V10); then the request is for that one.
func (x *exchange) elsewhere() bool {
	now := x.p.Live.Load()
	if now == x.gen {
		return false
	}
	x.gen = now
	t, ok := now.Table.Match(x.head.method, x.head.path)
	if !ok || t.Module == x.module {
		return false
	}
	x.target, x.module = t, t.Module
	return true
}

// enterOwn routes what belongs to a version that takes nothing else: requests
// of the holder to its own module (U3), and of runs that began in a draining
// version or in the holder (U2, U11).
func (x *exchange) enterOwn(st *route.State) bool {
	if st.Holder == nil && len(st.Own) == 0 || x.caller == nil {
		return false
	}
	if h := st.Holder; h != nil && (h == x.caller.Instance || x.through(h)) {
		if d := h.EnterOwn(processor()); d != nil {
			x.place = place{instance: h, door: d, state: st}
			return true
		}
	}
	for _, v := range st.Own {
		if i := x.ownOf(v); i != nil && x.enterOwnOf(st, v, i) {
			return true
		}
	}
	return false
}

// through reports whether the request's run went through i.
func (x *exchange) through(i *route.Instance) bool {
	return x.hops() && x.run.find(i.Module, func(version, instance []byte) bool {
		return string(version) == i.Version && string(instance) == i.ID
	})
}

// ownOf returns the instance of v that the request is from, or that its run
// went through; any, if that one is gone; nil if the request is not v's.
func (x *exchange) ownOf(v *route.Version) *route.Instance {
	if len(v.Instances) == 0 {
		return nil
	}
	if slices.Contains(v.Instances, x.caller.Instance) {
		return x.caller.Instance
	}
	first := v.Instances[0]
	if !x.hops() {
		return nil
	}
	var own *route.Instance
	x.run.find(first.Module, func(version, instance []byte) bool {
		if string(version) != first.Version {
			return false
		}
		own = first
		for _, i := range v.Instances {
			if i.ID == string(instance) {
				own = i
			}
		}
		return true
	})
	return own
}

// enterOwnOf enters i, or another instance of v if i is closed.
func (x *exchange) enterOwnOf(st *route.State, v *route.Version, i *route.Instance) bool {
	d := i.EnterOwn(processor())
	for n := 0; d == nil; n++ {
		if n == len(v.Instances) {
			return false
		}
		i = v.Instances[n]
		d = i.EnterOwn(processor())
	}
	x.place = place{instance: i, door: d, version: v, state: st}
	return true
}

// hops reports whether the request has a run that the gateway signed.
func (x *exchange) hops() bool { return x.caller != nil && x.run.verified() }

// serving reports whether the caller is itself serving a request of the
// target's: then it may not wait for the target (U11).
func (x *exchange) serving() bool {
	return x.hops() && x.run.find(x.module.Name, func(_, _ []byte) bool { return true })
}

// unmet returns the caller's own requirement on the target that is not met,
// a missing one before a delayed one; nil if there is none (D3).
func (x *exchange) unmet() *route.Unmet {
	if x.caller == nil {
		return nil
	}
	var found *route.Unmet
	all := x.caller.Unmet(x.module)
	for i := range all {
		u := &all[i]
		if x.target.Interface != "" && u.Interface != "" && u.Interface != x.target.Interface {
			continue
		}
		if found == nil || u.State == message.UnmetMissing {
			found = u
		}
	}
	return found
}
