package simulation

import (
	"fmt"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// operate starts the platform, then lets things happen: upgrades, roll-backs,
// departures, crashes, and clients all the while.
func (s *simulation) operate() {
	for _, m := range s.modules {
		for n := range 1 + s.random.IntN(2) {
			s.deploy(m, m.versions[0], fmt.Sprintf("%s-%d", m.name, n))
		}
	}
	var clients, fate func()
	clients = func() {
		s.send(s.modules[s.random.IntN(len(s.modules))].name, nil, nil, func(string) {})
		if s.now.Before(s.end.Add(-time.Minute)) {
			s.in(s.within(0, 400*time.Millisecond), clients)
		}
	}
	fate = func() {
		if !s.calm {
			s.happen()
			s.in(s.within(100*time.Millisecond, 6*time.Second), fate)
		}
	}
	s.in(0, clients)
	s.in(5*time.Second, fate)
}

// deploy starts a process.
func (s *simulation) deploy(m *platformModule, v module.Version, id string) *process {
	p := &process{simulation: s, module: m, version: v, id: id}
	s.processes = append(s.processes, p)
	s.in(s.within(0, time.Second), p.boot)
	return p
}

// happen lets something happen.
func (s *simulation) happen() {
	m := s.modules[s.random.IntN(len(s.modules))]
	v := m.versions[s.random.IntN(len(m.versions))]
	p := s.processes[s.random.IntN(len(s.processes))]
	switch s.random.IntN(13) {
	case 0, 1, 2: // an upgrade, a sibling, or an older version
		s.deploy(m, v, fmt.Sprintf("%s-%d", m.name, len(s.processes)))
	case 3: // a new process, maybe of another version, under an old id, whose process may live on
		s.deploy(p.module, p.module.versions[s.random.IntN(len(p.module.versions))], p.id)
	case 4, 5:
		if p.alive && p.token != "" && p.stage != holding {
			p.announce(message.Disconnect)
		}
	case 6, 7:
		s.kill(p)
	case 8:
		p.cutOff = true
		s.note("%s is cut off", p.id)
		s.in(s.within(time.Second, 15*time.Second), func() { p.cutOff = false })
	case 9:
		if g := s.gateways[s.random.IntN(len(s.gateways))]; g.up {
			g.crash()
		}
	case 10: // it withdraws, or says it again; from half restructured data nobody does
		if _, done := s.witness.Format(p.module.name); done && p.alive && p.stage == asking && p.token != "" {
			p.announce(message.Resume)
		}
	case 11: // an UPDATE without need
		if p.alive && p.stage == serving {
			p.announce(message.Update)
		}
	case 12:
		if g := s.gateways[s.random.IntN(len(s.gateways))]; g.up {
			s.overrule(g, m)
		}
	}
}

// kill ends a process without a word; mostly somebody starts it again.
func (s *simulation) kill(p *process) {
	if !p.alive {
		return
	}
	p.exit("it was killed")
	if s.random.IntN(4) > 0 {
		s.in(s.within(time.Second, 15*time.Second), func() {
			if !p.alive {
				p.boot()
			}
		})
	}
}

// repair starts a process where an UPDATE was lost for good: only one that
// restructures may follow (U5, U10).
func (s *simulation) repair() {
	for _, m := range s.modules {
		r := &lifecycle.Record{}
		if s.store.revisions[m.name] > 0 {
			r = decode(s.store.records[m.name])
		}
		if r.Grant.Lost != message.NoReason {
			s.deploy(m, r.Grant.Version, fmt.Sprintf("%s-%d", m.name, len(s.processes))).updates = true
		}
	}
}
