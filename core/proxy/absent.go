package proxy

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/park"
	"github.com/modgate/modgate/core/route"
)

// verdict is what became of a request whose module cannot take it now.
type verdict uint8

const (
	answered verdict = iota // by the gateway
	entered                 // a fallback takes it
	again                   // it waited: look at the state again
	missed                  // the instance closed meanwhile: look again
)

// absent decides about a request that the state st, or the caller's own
// requirement, keeps from its module (A3, D3).
func (x *exchange) absent(st *route.State, unmet *route.Unmet) verdict {
	x.decision = fallback.Decision{}
	if unmet != nil && unmet.State == message.UnmetMissing {
		x.missingVersion(st, unmet)
		return answered
	}
	ready := st.Availability == message.Ready
	if !ready && len(x.head.preflight) > 0 && len(x.head.origin) > 0 && string(x.head.method) == "OPTIONS" {
		x.preflight()
		return answered
	}
	if !ready || unmet == nil { // else the requirement is what is delayed
		x.decide(st)
	}
	if x.decision.Action == fallback.Substitute {
		if v := x.substitute(); v != missed {
			return v
		}
	}
	switch {
	case ready && unmet == nil:
		return x.watched(st)
	case st.Availability == message.Unknown:
		x.unknown("")
	case st.Availability == message.Missing, x.decision.Action == fallback.Miss:
		x.missing(st)
	case x.serving():
		x.cycle(st)
	case x.decision.Reply, x.caller != nil && x.caller.OnDelay == message.Reply:
		x.delayFor(st, unmet)
	default:
		return x.park(st, unmet)
	}
	return answered
}

// substitute answers by the policy's fallback (A3). If that is not to be had
// either, the module's own state decides, and the administrator is told; of an
// older version the policy's asker has told already.
func (x *exchange) substitute() verdict {
	switch f := &x.decision.Fallback; {
	case f.Static != nil:
		x.static(f.Static)
		return answered
	case f.Older:
		if st := x.module.State(); st.Older != nil && x.enter(st, st.Older) {
			return entered
		}
		return missed
	default:
		return x.instead(f.Module)
	}
}

// instead sends the request to another module.
func (x *exchange) instead(name string) verdict {
	m := x.gen.Modules[name]
	if m == nil {
		x.p.Astray(x.module.Name, &x.decision, "there is no such module")
		return missed
	}
	switch st := m.State(); {
	case st.Identified && x.caller == nil: // I1
		x.p.Astray(x.module.Name, &x.decision, "it takes no request without a token")
	case st.Availability != message.Ready || st.Serving == nil:
		x.p.Lacking(x.module, m)
	case x.enter(st, st.Serving):
		return entered
	}
	return missed
}

// park waits for the module, under one deadline; who was let go to it and came
// back, three rounds at most. Who is woken looks again.
func (x *exchange) park(st *route.State, unmet *route.Unmet) verdict {
	now := time.Now()
	x.shorten(st, unmet, now)
	if x.rounds == maxRounds || !now.Before(x.until) {
		x.expire(st, unmet, now)
		return answered
	}
	x.pass.Done(park.Void)
	x.p.stats.parked.Add(1)

	var stays func() bool
	if unmet == nil && st.Plan != nil {
		stays = x.stays()
	}
	gone, stop := x.left()
	x.doze()
	var err error
	x.pass, err = x.p.Room.Wait(park.Request{
		Module: x.module.Name, Turn: st.Turn, Edition: st.Edition, Stays: stays, Caller: x.fairly(), Since: x.began, Holder: x.holder(), Bytes: x.held(),
	}, x.patience(st, unmet), gone)
	stop()
	x.wake()
	if x.pass != nil {
		x.rounds++
	}

	x.parked = true
	x.waited += time.Since(now)
	switch {
	case err == nil, errors.Is(err, park.ErrExpired):
		return again
	case errors.Is(err, park.ErrFull):
		x.overflow(st)
	case errors.Is(err, park.ErrCycle):
		x.cycle(st)
	case errors.Is(err, park.ErrLeft):
		x.gone()
	default: // the gateway shuts down
		x.delayFor(st, unmet)
	}
	return answered
}

// shorten sets the end of the request's own wait, the least of what the state,
// the policy and the caller say (A6). It never moves it later (A4).
func (x *exchange) shorten(st *route.State, unmet *route.Unmet, now time.Time) {
	if x.began.IsZero() {
		x.began = now
	}
	until := absenceEnd(st, unmet)
	if until.IsZero() {
		until = x.began.Add(x.terms.Wait)
	}
	if w := x.decision.Wait; w > 0 {
		until = earlier(until, x.began.Add(w))
	}
	if w, ok := preferredWait(x.head.prefer); ok {
		until = earlier(until, x.began.Add(w))
		x.preferred = w
		x.prefers = true
	}
	if !x.until.IsZero() {
		until = earlier(until, x.until)
	}
	if !x.due.IsZero() {
		until = earlier(until, x.due)
	}
	x.until = until
}

// absenceEnd returns when what keeps the request from its module is given up.
func absenceEnd(st *route.State, unmet *route.Unmet) time.Time {
	if unmet != nil && !unmet.Until.IsZero() {
		return unmet.Until
	}
	return st.Until
}

// lastWord is how long the control plane has to say what becomes of an absence
// whose end has come. It may be going on: a grace's end is the absence's, while
// an UPDATE waits for it.
const lastWord = time.Second

// patience returns until when the request stays parked.
func (x *exchange) patience(st *route.State, unmet *route.Unmet) time.Time {
	if x.until.Equal(absenceEnd(st, unmet)) {
		return x.until.Add(lastWord)
	}
	return x.until
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// expire answers a request whose wait is over: MISSING if the absence's own
// deadline is, else DELAY (A4).
func (x *exchange) expire(st *route.State, unmet *route.Unmet, now time.Time) {
	switch {
	case unmet != nil && !unmet.Until.IsZero() && !now.Before(unmet.Until):
		x.missingVersion(st, unmet)
	case unmet == nil && !st.Until.IsZero() && !now.Before(st.Until):
		x.expired(st)
	default:
		x.delayFor(st, unmet)
	}
}

// preferredWait reads "wait=N" of a Prefer field (RFC 7240 4.3).
func preferredWait(prefer []byte) (time.Duration, bool) {
	for p := range list(prefer) {
		p, _, _ = bytes.Cut(p, []byte(";"))
		name, value, _ := bytes.Cut(p, []byte("="))
		if !equalFold(trim(name), "wait") {
			continue
		}
		if n, err := strconv.ParseUint(string(trim(value)), 10, 31); err == nil {
			return time.Duration(n) * time.Second, true
		}
	}
	return 0, false
}

// fairly returns who the request counts for in the waiting room: the calling
// instance, or the client's address; of IPv6 the network, which is one
// client's (I1).
func (x *exchange) fairly() park.Caller {
	if x.caller != nil {
		return park.Caller{Instance: x.caller.Instance.ID}
	}
	addr := x.remote()
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil {
			addr = network.Addr()
		}
	}
	return park.Caller{Addr: addr}
}

// holder returns the caller's module if the caller holds a granted UPDATE.
func (x *exchange) holder() string {
	if x.caller == nil {
		return ""
	}
	m := x.gen.Modules[x.caller.Instance.Module]
	if m == nil || m.State().Holder != x.caller.Instance {
		return ""
	}
	return m.Name
}

// held returns the bytes that the request keeps while it waits: its head, and
// of its body what the server has read ahead, or the client may send.
func (x *exchange) held() int64 {
	most := int64(readAhead)
	if x.client.stream != nil {
		most = streamWindow
	}
	return int64(len(x.raw)) + min(max(x.head.size, 0), most)
}
