package lifecycle

import (
	"time"

	"github.com/modgate/modgate/core/message"
)

// depart takes an instance out: it disconnected, or was lost (L1, L2). A
// holder's departure does not end its UPDATE (U6).
func (s *step) depart(id string, why message.Reason) {
	v, i := s.r.Find(id)
	if i == nil {
		return
	}
	if !i.Leaving.IsZero() {
		why = message.ReasonDisconnected // it had said so
	}
	switch {
	case i.Phase == message.Fenced:
		s.remove(v, id)
		return
	case i.Phase == message.Out && !i.Socket && why != message.ReasonDisconnected:
		return
	case i.Phase == message.Updating:
		s.r.Grant.Lost = why
	case i.inUse():
		s.r.Left = why
	}
	i.out(why)
}

// shut holds an instance out for that long, whatever it announces meanwhile,
// unless it holds an UPDATE (L5).
func (s *step) shut(id string, hold time.Duration) {
	if _, i := s.r.Find(id); i != nil && hold > 0 {
		i.Shut = s.Now.Add(hold)
	}
}

// sicken notes whether the probes of an instance fail: then it does not begin
// to serve, whatever it announces (L2).
func (s *step) sicken(id string, yes bool) {
	if _, i := s.r.Find(id); i != nil {
		i.Sick = yes
	}
}

// out is the only way to phase out. What i had announced ends with it (U12).
func (i *Instance) out(why message.Reason) {
	switch {
	case why == message.ReasonDisconnected:
		i.Outcome = message.Disconnected
	case i.Outcome == message.Pending, i.Outcome == message.Granted:
		i.Outcome = message.Expired
	}
	i.enter(message.Out)
	i.Away, i.Ask, i.Held, i.Socket, i.Leaving = why, Ask{}, false, false, noTime
}

// unreachable takes out an instance that refuses connections (L6), but never
// a holder: its port may be closed while it migrates (U6). One that leaves
// gets none anyway.
func (s *step) unreachable(id string) {
	_, i := s.r.Find(id)
	if i == nil || i.Phase != message.Serving && i.Phase != message.Draining || !i.Leaving.IsZero() {
		return
	}
	outcome := i.Outcome
	if !i.Ask.IsZero() {
		outcome = message.Expired
	}
	s.r.Left = message.ReasonLost
	i.out(message.ReasonLost)
	i.Socket, i.Outcome = true, outcome
}

// reachable brings back an instance that was out by refused connections
// only, as if it had resumed (L6).
func (s *step) reachable(id string) {
	if _, i := s.r.Find(id); i != nil && i.Socket {
		i.Held, i.Socket, i.Away = true, false, message.NoReason
		i.enter(message.Starting)
	}
}
