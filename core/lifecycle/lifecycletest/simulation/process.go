package simulation

import (
	"errors"
	"fmt"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// stage is where a process thinks it stands.
type stage int

const (
	booting stage = iota
	asking        // it announced, and waits
	holding       // it restructures its data
	serving
	idle
	leaving
)

// process is one process of a module, with what it believes. It follows the
// guide for module authors.
type process struct {
	*simulation
	module  *platformModule
	version module.Version
	id      string

	alive, cutOff bool
	life          int
	token         string
	stream        *gateway
	stage         stage
	seq           uint64
	said          message.Verb
	heard         bool
	epoch         uint64
	updates       bool // it will announce UPDATE, whatever the data are
	busy          int  // runs
}

// reply is what a call is answered.
type reply struct {
	err     error
	outcome message.Outcome
	phase   message.Phase
	epoch   uint64
	token   string
}

var errVoid = errors.New("the token is void")

// call carries a call to a gateway and its reply back: each may be lost, late
// or repeated. It says so if nothing came within 2 s.
func (p *process) call(take func(g *gateway) reply, then func(reply), never func()) {
	life, answered := p.life, false
	now := func() bool { return p.alive && p.life == life && !answered }
	carry := func() {
		if p.random.Float64() < p.network.loss {
			return
		}
		p.in(p.within(0, p.network.most), func() {
			up := p.upGateways()
			if len(up) == 0 || p.cutOff {
				return
			}
			g := up[p.random.IntN(len(up))]
			r := take(g)
			if !g.up || p.random.Float64() < p.network.loss {
				return // it crashed, or the reply was lost
			}
			p.in(p.within(0, p.network.most), func() {
				if now() && !p.cutOff {
					answered = true
					then(r)
				}
			})
		})
	}
	carry()
	if p.random.Float64() < p.network.twice {
		carry()
	}
	p.in(2*time.Second+2*p.network.most, func() {
		if now() {
			answered = true
			never()
		}
	})
}

// boot starts the process.
func (p *process) boot() {
	p.life++
	p.alive, p.token, p.stage, p.seq, p.said, p.heard, p.epoch, p.busy = true, "", booting, 0, 0, false, 0, 0
	p.note("process %s (%s %s) starts", p.id, p.module.name, p.version)
	p.register()
	p.beat(p.life)
}

func (p *process) register() {
	p.call(p.registration, func(r reply) {
		p.token, p.epoch = r.token, r.epoch
		p.connect(p.life)
		switch r.phase {
		case message.Updating:
			p.hold()
		case message.Fenced:
			p.witness.Fenced(p.token, p.now)
			p.exit("it is fenced")
		case message.Idle:
			p.stage = idle
		default:
			p.later(p.within(0, 2*time.Second), p.decide)
		}
	}, p.register)
}

// registration is how a gateway takes it. The call may come late: then its
// token is the one that counts, and nobody learns it.
func (p *process) registration(g *gateway) reply {
	g.tokens++
	token := fmt.Sprintf("t%d", g.tokens)
	g.bearers[token] = p
	g.witness.Registered(p.module.name, p.version, p.id, token, g.now)
	g.catchUp(p.module.name)
	rec, err := g.apply(p.module.name, lifecycle.Registered{
		Version: p.version, Requires: p.module.requires,
		Instance: lifecycle.Instance{ID: p.id, Token: []byte(token), Lease: g.settings.Lease},
	})
	must(err)
	g.store.leases[token] = g.now.Add(g.settings.Lease)
	if !g.up {
		return reply{}
	}
	g.witness.Met(token, g.requirements(p.module))
	cursor := g.view.Baseline(p.module.requires)
	g.keep(p.id, cursor)
	_, i := rec.Find(p.id)
	r := reply{token: token, phase: i.Phase}
	if e := rec.WriteEpoch(i); e != nil {
		r.epoch = *e
	}
	return r
}

// later does something unless the process ended, or began anew.
func (p *process) later(d time.Duration, act func()) {
	life := p.life
	p.in(d, func() {
		if p.alive && p.life == life {
			act()
		}
	})
}

// connect opens the stream of notices, again and again.
func (p *process) connect(life int) {
	if !p.alive || p.life != life {
		p.stream = nil
		return
	}
	up := p.upGateways()
	if p.stream != nil && (!p.stream.up || p.cutOff || p.random.IntN(20) == 0) {
		p.stream = nil
	}
	if p.stream == nil && len(up) > 0 && !p.cutOff {
		p.stream = up[p.random.IntN(len(up))]
		p.stream.snapshot(p)
	}
	p.in(time.Second, func() { p.connect(life) })
}

// decide announces what is next: a version above the data's must restructure
// them.
func (p *process) decide() {
	format, done := p.witness.Format(p.module.name)
	newer := format == "" || module.MustVersion(format).Less(p.version)
	switch {
	case p.updates, !done, newer && p.random.IntN(4) > 0, p.random.IntN(5) == 0:
		p.announce(message.Update)
	default:
		p.announce(message.Resume)
	}
}

func (p *process) announce(v message.Verb) {
	p.seq++
	p.said, p.heard = v, false
	if p.stage != holding {
		p.stage = asking
	}
	if v == message.Disconnect {
		p.stage = leaving
	}
	p.note("%s says %s", p.id, v)
	p.say()
}

// say sends the last announcement, under its seq, until it is answered (U7).
func (p *process) say() {
	seq, verb, token := p.seq, p.said, p.token
	if p.heard || p.token == "" {
		return
	}
	again := func() {
		if p.seq == seq && p.token == token {
			p.say()
		}
	}
	p.call(func(g *gateway) reply { return g.announced(p, token, verb, seq) }, func(r reply) {
		if p.seq != seq || p.heard || p.token != token {
			return
		}
		p.answered(verb, r, again)
	}, again)
}

func (p *process) answered(verb message.Verb, r reply, again func()) {
	p.epoch = max(p.epoch, r.epoch)
	p.heard = r.err != nil || r.outcome != message.Pending
	switch {
	case errors.Is(r.err, lifecycle.ErrFenced):
		p.exit("it is fenced")
	case errors.Is(r.err, errVoid):
		p.displaced()
	case r.err != nil:
		p.stage = idle
		if verb == message.Update || p.random.IntN(2) == 0 {
			p.later(p.within(0, 20*time.Second), func() { p.exit("it was refused") })
		}
	case r.outcome == message.Pending:
		p.later(p.within(500*time.Millisecond, 1500*time.Millisecond), again)
	case r.outcome == message.Granted:
		p.hold()
	case r.outcome == message.Done:
		p.announce(message.Resume)
	case r.outcome == message.Disconnected:
		p.exit("its DISCONNECT was answered")
	case r.outcome == message.Expired:
		p.boot()
	default: // resumed, withdrawn
		p.stage = serving
	}
}

// displaced is what a process does whose token is void: it ends, unless its
// own registration came twice.
func (p *process) displaced() {
	for _, q := range p.processes {
		if q != p && q.id == p.id && q.alive {
			p.exit("another has its id")
			return
		}
	}
	p.boot()
}

// hold restructures the data, which begins with writing the epoch (U8).
func (p *process) hold() {
	if p.stage == holding {
		return
	}
	p.stage = holding
	p.later(p.within(0, 500*time.Millisecond), func() {
		if !p.witness.Restructure(p.token, p.epoch) {
			p.stage = asking
			p.renew()
			return
		}
		p.later(p.within(500*time.Millisecond, 6*time.Second), func() {
			if !p.witness.Restructured(p.token, p.epoch) {
				p.stage = asking
				p.renew()
				return
			}
			p.announce(message.Resume)
		})
	})
}

// beat renews the lease.
func (p *process) beat(life int) {
	if !p.alive || p.life != life {
		return
	}
	if p.token != "" {
		p.renew()
	}
	p.in(p.settings.Lease/3, func() { p.beat(life) })
}

func (p *process) renew() {
	token := p.token
	p.call(func(g *gateway) reply { return g.renewed(p, token) }, func(r reply) {
		if p.token != token {
			return
		}
		p.epoch = max(p.epoch, r.epoch)
		switch {
		case errors.Is(r.err, lifecycle.ErrFenced):
			p.exit("its renewal was answered 409")
		case r.err != nil:
			p.displaced()
		case p.stage == holding: // lost or not, it goes on (U6)
		case r.phase == message.Out && p.heard && p.stage != leaving && p.random.IntN(3) == 0:
			p.boot()
		case r.phase == message.Out && p.heard && p.stage != leaving:
			p.announce(message.Resume) // L6
		case r.phase == message.Updating && p.stage == asking && p.heard:
			p.hold() // a stale write, and the epoch to retry with
		}
	}, func() {})
}

// serve handles a request: it writes, and may ask another module meanwhile.
func (p *process) serve(r *request, epoch uint64, done func()) {
	p.epoch = max(p.epoch, epoch)
	p.busy++
	life := p.life
	lasts := p.within(20*time.Millisecond, 800*time.Millisecond)
	if !p.calm && p.random.IntN(30) == 0 {
		lasts = p.within(5*time.Second, 14*time.Second) // a run that may outlast a grace
	}
	finish := func() {
		if p.life == life {
			p.busy--
			p.write()
		}
		done()
	}
	ask := len(p.module.requires) > 0 && p.random.IntN(3) == 0 && len(r.run) < 3
	p.in(lasts, func() {
		if !ask || !p.alive || p.life != life {
			finish()
			return
		}
		to := p.module.requires[p.random.IntN(len(p.module.requires))].ID
		run := append(append([]*process{}, r.run...), p)
		p.send(to, p, run, func(string) { finish() })
	})
}

// write writes the module's data; a stale write is retried after a renewal.
func (p *process) write() {
	if p.token == "" || p.stage == holding {
		return
	}
	if !p.witness.Write(p.token, p.epoch, p.now) && p.alive {
		p.renew()
	}
}

// exit ends the process, which somebody may start again.
func (p *process) exit(why string) {
	p.note("%s exits: %s", p.id, why)
	p.alive, p.stream = false, nil
}

// receive takes a notice from its stream.
func (p *process) receive(g *gateway, n message.Notice) {
	if n.Subject != p.id {
		for _, q := range p.module.requires {
			if q.ID == n.Subject {
				p.witness.Told(p.token, q, n, p.now)
			}
		}
		return
	}
	if n.Kind == message.NoticeResume && n.Data.Outcome == message.Resumed && p.stage == idle { // it was promoted
		p.stage, p.epoch = serving, max(p.epoch, n.Data.Epoch)
	}
	if n.Kind != message.NoticeMissing {
		return
	}
	switch n.Data.Reason {
	case message.ReasonFenced:
		p.witness.Fenced(p.token, p.now)
		p.exit("it was told MISSING")
	default:
		p.stage, p.heard = idle, true
	}
}
