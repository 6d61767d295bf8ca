package simulation

import (
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// overrule lets an administrator decide something about a module at a gateway,
// sensible or not (O1). What cannot be followed as the module stands comes to
// nothing.
func (s *simulation) overrule(g *gateway, m *platformModule) {
	kinds := [...]message.OverrideType{
		message.ForceResume, message.Grant, message.Refuse, message.Promote, message.LowerFloor, message.ForceMissing, message.Lift, message.Drop,
	}
	o := message.Override{Type: kinds[s.random.IntN(len(kinds))], Who: "ada", Why: "fate"}
	version := m.versions[s.random.IntN(len(m.versions))]
	switch o.Type {
	case message.Promote, message.LowerFloor:
		o.Version, o.AcceptDataLoss = version, s.random.IntN(2) == 0
	case message.Drop:
		switch s.random.IntN(3) {
		case 0:
			o.Version = version
		case 1:
			if p := s.processes[s.random.IntN(len(s.processes))]; p.module == m {
				o.Instance = p.id
			}
		}
	case message.ForceResume, message.Grant, message.Refuse, message.ForceMissing, message.Lift:
	}
	g.overridden(m.name, o)
}

// overridden follows an administrator, as core/control does.
func (g *gateway) overridden(name string, o message.Override) {
	now := g.current(name)
	next, _, err := lifecycle.Step(*now, g.env(), lifecycle.Overridden{Override: o})
	if err != nil {
		return
	}
	g.note("%s: an administrator says %s %s %s about %s", g.name, o.Type, o.Version, o.Instance, name)
	g.report.Overruled++
	g.witness.Overruled(name, o, next.Epoch, gone(now, &next), g.now)
	_, _ = g.apply(name, lifecycle.Overridden{Override: o})
	if g.up {
		_, _ = g.apply(name, lifecycle.Configured{Since: g.clock()}) // of a module that was dropped (A7)
	}
}

// gone returns the tokens of the processes that are in a and not in b.
func gone(a, b *lifecycle.Record) (tokens []string) {
	for j := range a.Versions {
		for _, i := range a.Versions[j].Instances {
			if _, still := b.Find(i.ID); still == nil {
				tokens = append(tokens, string(i.Token))
			}
		}
	}
	return tokens
}

// lift ends what administrators keep in force.
func (s *simulation) lift() {
	for _, m := range s.modules {
		if r := s.gateways[0].current(m.name); r.Forced != (lifecycle.Forced{}) {
			s.gateways[0].overridden(m.name, message.Override{Type: message.Lift, Who: "ada", Why: "calm"})
		}
	}
}
