package simulation

import (
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/requirement"
)

// bearer returns the record in which the token counts, or nil.
func (g *gateway) bearer(p *process, token string) (*lifecycle.Record, *lifecycle.Instance) {
	rec := g.current(p.module.name)
	_, i := rec.Find(p.id)
	if i == nil || string(i.Token) != token {
		return nil, nil
	}
	return rec, i
}

// announced takes an announcement, and answers as the control API does.
func (g *gateway) announced(p *process, token string, verb message.Verb, seq uint64) reply {
	_, i := g.bearer(p, token)
	if i == nil {
		return reply{err: errVoid}
	}
	g.store.leases[token] = g.now.Add(g.settings.Lease)
	if seq > i.Seq {
		g.witness.Said(token, verb, g.now)
	}
	rec, err := g.apply(p.module.name, lifecycle.Announced{Instance: p.id, Announcement: message.Announcement{Type: verb, Seq: seq}})
	if err == nil {
		var a message.Answer
		if a, err = rec.Answer(g.clock(), p.id); err == nil && g.up {
			if a.Outcome != message.Pending {
				if _, i := rec.Find(p.id); i.Seq == seq {
					g.witness.Answered(token, a.Outcome, g.now)
				}
			}
			return answer(a)
		}
	}
	return reply{err: err}
}

func answer(a message.Answer) reply {
	r := reply{outcome: a.Outcome}
	if a.Epoch != nil {
		r.epoch = *a.Epoch
	}
	return r
}

// renewed takes a renewal.
func (g *gateway) renewed(p *process, token string) reply {
	rec, i := g.bearer(p, token)
	switch {
	case i == nil:
		return reply{err: errVoid}
	case i.Phase == message.Fenced:
		g.witness.Fenced(token, g.now)
		return reply{err: lifecycle.ErrFenced}
	}
	g.store.leases[token] = g.now.Add(g.settings.Lease)
	g.witness.Renewed(token, g.now)
	r := reply{phase: i.Phase}
	if e := rec.WriteEpoch(i); e != nil {
		r.epoch = *e
	}
	return r
}

// snapshot is what a stream begins with: what is not met (3.4).
func (g *gateway) snapshot(p *process) {
	for _, m := range g.modules {
		g.catchUp(m.name)
	}
	rec := g.records[p.module.name]
	v, i := rec.Find(p.id)
	if i == nil || string(i.Token) != p.token {
		return
	}
	cursor, named := requirement.Cursor{}, map[string]bool{}
	for _, n := range g.view.Standing(g.clock(), rec, v, i) {
		cursor.Note(n)
		named[n.Subject] = true
		p.receive(g, n)
	}
	g.witness.Synced(p.token, named)
	g.keep(p.id, cursor)
}
