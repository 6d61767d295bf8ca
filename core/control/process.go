package control

import (
	"slices"
	"time"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/requirement"
	"github.com/modgate/modgate/core/route"
)

// process is one registered instance as the data plane sees it.
type process struct {
	module string
	route  *route.Instance
	caller *route.Caller
	token  route.TokenHash
	lease  time.Duration
	expiry time.Time          // of the lease; guarded by Control.mu
	told   requirement.Cursor // nil until it has one; guarded by Control.mu

	// streamed: it has no webhook, and the gateway does not speak for it (L4).
	streamed bool

	// phantom stands for the runs of before a restart, which nobody counts
	// any more (G6): a run that never ends, so that no drain is reported.
	phantom *route.Door // by which it entered; nil: there is none; guarded by Control.mu

	cut     *time.Timer // ends its streams (V8); nil: they may live; guarded by Control.mu
	cutTurn uint64      // of the drain that does; guarded by Control.mu
}

// match makes a process for every instance that registered and lets go those
// that are gone. It reports whether the set of tokens changed.
func (c *Control) match(e *entry, now time.Time) (changed bool) {
	gone := e.processes
	e.processes = make(map[string]*process, len(gone))
	for i := range e.record.Versions {
		v := &e.record.Versions[i]
		for j := range v.Instances {
			in := &v.Instances[j]
			p := gone[in.ID]
			if p == nil || p.token != route.TokenHash(in.Token) {
				p = c.newProcess(e.name, v, in, now)
				changed = true
			}
			delete(gone, in.ID)
			e.processes[in.ID] = p
			c.watch(in, p)
		}
	}
	for id, p := range gone {
		if c.instances[id] == p {
			delete(c.instances, id)
			c.o.Forget(id)
			c.o.Unreach(id)
		}
		c.endStreams(p)
		p.route.Close()
		c.queue.mark(id)
	}
	return changed || len(gone) > 0
}

func (c *Control) newProcess(name string, v *lifecycle.Version, in *lifecycle.Instance, now time.Time) *process {
	if old := c.instances[in.ID]; old != nil {
		c.endStreams(old)
		old.route.Close()
		c.o.Forget(in.ID)
	}
	p := &process{module: name, token: route.TokenHash(in.Token), lease: in.Lease}
	p.streamed = in.Webhook == "" && !c.config.SpeaksFor(name, in.ID)
	p.route = route.NewInstance(in.ID, name, v.Version.String(), in.Upstream, func(i *route.Instance, turn uint64) {
		c.queue.add(name, lifecycle.Drained{Instance: i.ID, Turn: turn})
	})
	m := c.config.Module(name)
	p.route.RunHeader, p.route.Egress = m.RunHeader, m.EgressOf(v.Version, in.Upstream)
	p.route.Protocol = in.Protocol
	p.route.Close()
	p.caller = &route.Caller{Instance: p.route, OnDelay: in.OnDelay, Adapter: c.o.Adapters.Of(p.module)}
	if m.OnDelay == message.Reply {
		p.caller.OnDelay = message.Reply // A8: operators may turn park into reply
	}
	p.expiry = c.leaseEnd(now, p.lease)
	c.instances[in.ID] = p
	if in.Webhook != "" {
		c.o.Attach(Webhook{Instance: in.ID, Module: name, URL: in.Webhook, Key: c.webhookKey(p.token)})
	}
	return p
}

// watch tries the socket of an instance that refuses connections (L6).
func (c *Control) watch(in *lifecycle.Instance, p *process) {
	if !in.Socket {
		c.o.Unreach(in.ID)
		return
	}
	id, name := in.ID, p.module
	c.o.Reach(id, in.Upstream, func() {
		p.route.Reached()
		c.queue.add(name, lifecycle.Reachable{Instance: id})
	})
}

// admit opens the instances that take requests from now on.
func (c *Control) admit(e *entry) {
	for i := range e.record.Versions {
		for _, in := range e.record.Versions[i].Instances {
			p := c.instances[in.ID]
			p.caller.SetFenced(!in.Opens())
			p.haunt(in.Uncounted())
			if in.Phase == message.Serving || in.Phase == message.Updating {
				c.keepStreams(p)
				p.route.Open()
			}
		}
	}
}

// haunt makes the runs of before a restart count as one, or no longer.
func (p *process) haunt(yes bool) {
	switch {
	case yes && p.phantom == nil:
		p.route.Open()
		p.phantom = p.route.Enter(0)
	case !yes && p.phantom != nil:
		p.phantom.Leave()
		p.phantom = nil
	}
}

// runs is the number of runs in flight that are known.
func (p *process) runs() int64 {
	n := p.route.Runs()
	if p.phantom != nil {
		n--
	}
	return n
}

// limitStreams ends p's streams some time after the drain of that turn began
// (V8).
func (c *Control) limitStreams(p *process, turn uint64, after time.Duration) {
	if p.cut != nil && p.cutTurn == turn {
		return
	}
	c.keepStreams(p)
	p.cut, p.cutTurn = time.AfterFunc(after, func() { c.o.EndStreams(p.route) }), turn
}

// keepStreams lets p's streams live.
func (c *Control) keepStreams(p *process) {
	if p.cut != nil {
		p.cut.Stop()
		p.cut = nil
		c.o.AdmitStreams(p.route)
	}
}

// endStreams ends the streams of p, which is gone, and forgets it.
func (c *Control) endStreams(p *process) {
	c.keepStreams(p)
	c.o.EndStreams(p.route)
	c.o.AdmitStreams(p.route)
}

// bar closes those that take none, and lets the others finish (V2, U2). A
// drain whose runs were lost count of is not reported (G6).
func (c *Control) bar(e *entry) {
	older := e.route.State().Older
	streamGrace := c.config.Module(e.name).StreamGrace
	for i := range e.record.Versions {
		for _, in := range e.record.Versions[i].Instances {
			p := c.instances[in.ID]
			switch in.Phase {
			case message.Serving, message.Updating:
			case message.Draining, message.Waiting:
				if in.Drained {
					p.route.Close()
				} else {
					p.route.Drain(in.DrainTurn)
					c.limitStreams(p, in.DrainTurn, streamGrace)
				}
			case message.Starting, message.Idle, message.Fenced, message.Out:
				if older == nil || !slices.Contains(older.Instances, p.route) {
					p.route.Close()
				}
			}
		}
	}
}
