package simulation

import (
	"slices"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// entry is one process on a gateway's data plane.
type entry struct {
	runs   int
	opens  bool   // takes new requests
	drains uint64 // the turn of the drain under way
	sealed bool   // it was reported: nothing enters any more
	refuse int    // connections refused in a row
}

// request is one request under way.
type request struct {
	n      int
	module string
	caller *process // nil: a client
	token  string   // the caller's, when it asked
	run    []*process
	until  time.Time
	parked bool
	over   bool
	done   func(how string)
}

// send lets a request begin at a gateway that is up.
func (s *simulation) send(module string, caller *process, run []*process, done func(how string)) {
	up := s.upGateways()
	if len(up) == 0 {
		done("no gateway")
		return
	}
	g := up[s.random.IntN(len(up))]
	s.requests++
	r := &request{n: s.requests, module: module, caller: caller, run: run, until: s.now.Add(s.within(time.Second, 15*time.Second)), done: done}
	if caller != nil {
		r.token = caller.token
	}
	g.settleRequest(r, "it came")
}

func (s *simulation) upGateways() (up []*gateway) {
	for _, g := range s.gateways {
		if g.up {
			up = append(up, g)
		}
	}
	return up
}

// settleRequest sends a request on its way, answers it, or parks it.
func (g *gateway) settleRequest(r *request, why string) {
	how, target, own := g.way(r)
	switch {
	case target != "":
		g.end(r)
		g.route(r, target, own)
	case how == "" && g.now.Before(r.until):
		if !r.parked {
			r.parked = true
			g.waiting = append(g.waiting, r)
			g.witness.Parked(r.n, r.module, r.until.Add(poll))
		}
	default:
		if how == "" {
			how = "delay"
		}
		g.end(r)
		g.note("%s answers request %d to %s: %s, since %s", g.name, r.n, r.module, how, why)
		if how == "missing" {
			g.witness.Missing(r.n, r.module, g.now)
		}
		r.done(how)
	}
}

func (g *gateway) end(r *request) {
	r.over = true
	if r.parked {
		g.witness.Woken(r.n, g.now)
		g.waiting = slices.DeleteFunc(g.waiting, func(w *request) bool { return w == r })
	}
}

// way finds where a request goes, or how it is answered; neither: it waits.
func (g *gateway) way(r *request) (how, target string, own bool) {
	rec := g.records[r.module]
	if r.caller != nil {
		if _, i := g.records[r.caller.module.name].Find(r.caller.id); i == nil || string(i.Token) != r.token || !i.Opens() {
			return "fenced", "", false
		}
		for _, u := range g.view.Unmet(r.caller.module.requires) {
			if u.Module == r.module {
				return "version", "", false
			}
		}
	}
	if token := g.ownRun(rec, r); token != "" {
		return "", token, true
	}
	if v := rec.Serving(); v != nil {
		var open []string
		for _, i := range v.Instances {
			if e := g.plane[string(i.Token)]; e != nil && e.opens && i.Phase == message.Serving {
				open = append(open, string(i.Token))
			}
		}
		return "", open[g.random.IntN(len(open))], false
	}
	switch rec.Availability() {
	case message.Missing:
		return "missing", "", false
	case message.Unknown:
		return "unknown", "", false
	case message.Ready, message.Delayed:
	}
	for _, p := range r.run { // the caller is serving a request of the target's (U11)
		if p.module.name == r.module {
			return "cycle", "", false
		}
	}
	return "", "", false
}

// ownRun returns the process that r's run was begun in, or the holder that
// sent it, if it takes it (U3, U11).
func (g *gateway) ownRun(rec *lifecycle.Record, r *request) string {
	of := r.run
	if r.caller != nil {
		of = append(slices.Clip(of), r.caller)
	}
	for _, p := range of {
		if p.module.name != r.module {
			continue
		}
		_, i := rec.Find(p.id)
		if i == nil || string(i.Token) != p.token {
			continue
		}
		e := g.plane[p.token]
		switch {
		case i.Phase == message.Updating:
			return p.token
		case (i.Phase == message.Draining || i.Phase == message.Waiting) && e != nil && e.drains != 0 && !e.sealed:
			return p.token
		}
	}
	return ""
}

// route lets a request enter a process. One that is not there refuses the
// connection; two refusals put it out (L6).
func (g *gateway) route(r *request, token string, own bool) {
	p := g.bearers[token]
	e := g.plane[token]
	rec := g.records[r.module]
	e.runs++
	g.inside[r.n] = token
	g.note("%s routes request %d to %s (%s), own %v", g.name, r.n, p.id, token, own)
	g.witness.Routed(g.name, token, r.n, own, rec.Epoch, g.now)
	life := g.life
	leave := func() {
		g.witness.Ended(token, r.n)
		delete(g.inside, r.n)
		if g.up && g.life == life {
			e.runs--
			g.reportDone(token, e)
		}
	}
	if !p.alive || p.cutOff || p.token != token {
		leave()
		e.refuse++
		if e.refuse >= 2 && p.token == token {
			g.unreachable(p)
		}
		r.done("refused")
		return
	}
	e.refuse = 0
	p.serve(r, rec.Epoch, func() {
		leave()
		r.done("served")
	})
}

// unreachable puts an instance out and tries its socket (L6).
func (g *gateway) unreachable(p *process) {
	token := p.token
	g.giveUp(p, token, lifecycle.Unreachable{Instance: p.id})
	var try func()
	try = func() {
		switch {
		case !g.up || p.token != token:
		case p.alive && !p.cutOff:
			if _, i := g.current(p.module.name).Find(p.id); i != nil && i.Socket && string(i.Token) == token {
				g.witness.Back(token)
				_, _ = g.apply(p.module.name, lifecycle.Reachable{Instance: p.id})
			}
		default:
			g.in(time.Second, try)
		}
	}
	g.in(time.Second, try)
}

// admit opens, closes and drains the processes of a module as its record
// says.
func (g *gateway) admit(r *lifecycle.Record) {
	for j := range r.Versions {
		for k := range r.Versions[j].Instances {
			i := &r.Versions[j].Instances[k]
			e := g.plane[string(i.Token)]
			if e == nil {
				e = &entry{}
				g.plane[string(i.Token)] = e
			}
			e.opens = i.Phase == message.Serving || i.Phase == message.Updating
			switch finishing := (i.Phase == message.Draining || i.Phase == message.Waiting) && !i.Drained; {
			case !finishing:
				e.drains, e.sealed = 0, false
			case g.clock().Before(i.Orphaned):
				e.drains = i.DrainTurn
			case e.drains != i.DrainTurn:
				e.drains, e.sealed = i.DrainTurn, false
				g.reportDone(string(i.Token), e)
			}
		}
	}
}

// reportDone says that no run is left in a drain, if that is so.
func (g *gateway) reportDone(token string, e *entry) {
	if e.drains == 0 || e.runs > 0 || e.sealed {
		return
	}
	p := g.bearers[token]
	e.sealed = true
	life, turn := g.life, e.drains
	g.in(g.within(0, 50*time.Millisecond), func() {
		if _, i := g.bearer(p, token); g.up && g.life == life && i != nil {
			_, _ = g.apply(p.module.name, lifecycle.Drained{Instance: p.id, Turn: turn, Node: g.name})
		}
	})
}

// overlooked looks for requests that are parked although there is a way.
func (g *gateway) overlooked() {
	for _, r := range g.waiting {
		if g.up && g.records[r.module].Availability() == message.Ready {
			if how, target, _ := g.way(r); how == "version" || target != "" {
				g.witness.Overlooked(g.name, r.n, r.module)
			}
		}
	}
}
