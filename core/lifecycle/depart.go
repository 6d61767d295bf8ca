package lifecycle

import (
	"github.com/modgate/modgate/core/message"
)

// depart takes an instance out: it disconnected, or was lost (L1, L2). A
// holder's departure does not end its UPDATE (U6).
func (s *step) depart(id string, why message.Reason) {
	v, i := s.r.Find(id)
	if i == nil {
		return
	}
	if why == message.ReasonDisconnected {
		i.Outcome = message.Disconnected
	}
	switch {
	case i.Phase == message.Fenced:
		s.remove(v, id)
		return
	case i.Phase == message.Updating:
		s.r.Grant.Lost = why
	case i.inUse():
		s.r.Left = why
	}
	s.out(i, why)
}

// out is the only way to phase out.
func (s *step) out(i *Instance, why message.Reason) {
	i.enter(message.Out)
	i.Away, i.Ask, i.Held, i.Socket, i.Leaving = why, Ask{}, false, false, noTime
	if i.Outcome == message.Pending && why != message.ReasonDisconnected {
		i.Outcome = message.Expired
	}
}

// unreachable takes out an instance that refuses connections, but never a
// holder: its port may be closed while it migrates (U6, L6).
func (s *step) unreachable(id string) {
	_, i := s.r.Find(id)
	if i == nil || i.Phase != message.Serving && i.Phase != message.Draining {
		return
	}
	outcome := i.Outcome
	s.r.Left = message.ReasonLost
	s.out(i, message.ReasonLost)
	i.Socket, i.Outcome = true, outcome
}

// reachable brings back an instance that was out by refused connections
// only, to where its version now allows (L6).
func (s *step) reachable(id string) {
	v, i := s.r.Find(id)
	if i == nil || !i.Socket {
		return
	}
	i.Socket, i.Away, i.Phase = false, message.NoReason, message.Starting
	if s.higherServes(v.Version) {
		i.Phase = message.Idle
		return
	}
	i.Held = true
}
