package simulation

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/lifecycle/lifecycletest/witness"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/requirement"
)

const (
	settle  = 3 * time.Second
	poll    = 250 * time.Millisecond // how often a gateway looks at its deadlines
	mostLag = 2 * time.Second        // of the store's news on their way to the other gateway
)

// store is what gateways share: records under compare-and-swap, cursors,
// leases. It holds bytes, so that nothing but what is encoded lives on.
type store struct {
	records   map[string][]byte
	saved     map[string]stamp
	revisions map[string]int
	cursors   map[string][]byte
	leases    map[string]time.Time // by token
}

// stamp is when a record was saved, as the gateway's clock showed it, and by
// which of its incarnations.
type stamp struct {
	at   time.Time
	life int
}

// gateway is one gateway process; life tells its incarnations apart.
type gateway struct {
	*simulation
	name  string
	up    bool
	life  int
	since time.Time
	back  time.Duration // how far the clock on its wall was set back, in all

	records   map[string]*lifecycle.Record
	revisions map[string]int
	view      requirement.View
	plane     map[string]*entry // by token
	waiting   []*request
	inside    map[int]string // requests that entered, and the token of the process
}

// start lets the gateway begin, from what the store holds (G1, G6).
func (g *gateway) start() {
	g.life++
	g.up, g.since = true, g.now
	g.setBack()
	g.records, g.revisions, g.view, g.plane, g.waiting = map[string]*lifecycle.Record{}, map[string]int{}, requirement.View{}, map[string]*entry{}, nil
	g.inside = map[int]string{}
	g.note("gateway %s starts", g.name)
	g.witness.Started(g.name, g.now)
	for token := range g.store.leases {
		if least := g.now.Add(settle + g.settings.Lease); g.store.leases[token].Before(least) {
			g.store.leases[token] = least
		}
	}
	for _, m := range g.modules {
		if g.up && !g.calm && g.life > 1 && g.random.IntN(20) == 0 { // some are restarted, the rest are not
			g.crash()
		}
		if !g.up {
			return
		}
		if g.store.revisions[m.name] == 0 {
			_, _ = g.apply(m.name, lifecycle.Configured{Since: g.clock().Add(settle)})
			continue
		}
		back := g.behind(m.name)
		g.catchUp(m.name)
		_, _ = g.apply(m.name, lifecycle.Restarted{Settled: g.clock().Add(settle), Back: back})
	}
	g.beat(g.life)
}

// clock is what the clock on the gateway's wall shows.
func (g *gateway) clock() time.Time { return g.now.Add(-g.back) }

// setBack sets that clock back, now and then, while the gateway is down. With
// two gateways their clocks agree: the one's instants are the other's.
func (g *gateway) setBack() {
	if g.calm || g.life == 1 || len(g.gateways) > 1 || g.random.IntN(3) > 0 {
		return
	}
	most := [...]time.Duration{5 * time.Second, time.Minute, time.Hour}[g.random.IntN(3)]
	d := g.within(0, most)
	g.back += d
	g.report.SetBack++
	g.note("the clock of %s was set back by %s", g.name, d)
}

// behind returns how far the clock is behind the last save of who saved the
// module (G7).
func (g *gateway) behind(name string) (d time.Duration) {
	for _, s := range g.store.saved {
		if s.life == g.store.saved[name].life {
			d = max(d, s.at.Sub(g.clock()))
		}
	}
	return d
}

// crash ends the process: what it had in memory is gone, requests in it, too.
func (g *gateway) crash() {
	g.note("gateway %s crashes", g.name)
	g.report.Crashes++
	g.witness.Crashed(g.name, g.now)
	g.up = false
	for _, r := range g.waiting {
		g.witness.Woken(r.n, g.now)
		r.over = true
	}
	for _, n := range slices.Sorted(maps.Keys(g.inside)) {
		token := g.inside[n]
		orphan := time.Duration(0) // its connection is closed
		if g.plane[token].drains != 0 {
			orphan = g.settings.Grace // who finishes may go on, as long as that (G6)
		}
		g.in(orphan, func() { g.witness.Ended(token, n) })
	}
	g.in(g.within(0, 4*time.Second), func() {
		if !g.up {
			g.start()
		}
	})
}

// beat looks at deadlines and leases.
func (g *gateway) beat(life int) {
	if !g.up || g.life != life {
		return
	}
	for _, m := range g.modules {
		if r := g.records[m.name]; r != nil {
			if at, due := r.Deadline(); due && !g.clock().Before(at) {
				_, _ = g.apply(m.name, lifecycle.Tick{})
			}
		}
	}
	if g.up && g.now.Sub(g.since) >= settle {
		g.expire()
	}
	for _, r := range slices.Clone(g.waiting) {
		if g.up && !g.now.Before(r.until) {
			g.settleRequest(r, "its time is over")
		}
	}
	g.in(poll, func() { g.beat(life) })
}

// expire gives up whose lease ran out (L2), in the order of their tokens.
func (g *gateway) expire() {
	for _, token := range slices.Sorted(maps.Keys(g.store.leases)) {
		if !g.up || g.now.Before(g.store.leases[token]) {
			continue
		}
		delete(g.store.leases, token)
		p := g.bearers[token]
		g.giveUp(p, token, lifecycle.Lost{Instance: p.id, Reason: message.ReasonLost, Hold: g.hold(p)})
	}
}

// hold is how long an instance is held out that is lost too often (L5).
func (g *gateway) hold(p *process) time.Duration {
	g.losses[p.id]++
	if g.losses[p.id] < 3 {
		return 0
	}
	return 5 * time.Second
}

func (g *gateway) giveUp(p *process, token string, ev lifecycle.Event) {
	_, i := g.current(p.module.name).Find(p.id)
	if i == nil || string(i.Token) != token || !i.InRotation() && i.Phase != message.Starting && i.Phase != message.Idle {
		return
	}
	_, byLease := ev.(lifecycle.Lost)
	if !byLease && !i.Leaving.IsZero() { // that it closes its socket says nothing (L6)
		return
	}
	g.note("%s gives up %s", g.name, p.id)
	g.report.Lost++
	g.witness.Lost(g.name, token, byLease, g.now)
	_, _ = g.apply(p.module.name, ev)
}

// current is the module's record as the store has it.
func (g *gateway) current(name string) *lifecycle.Record {
	g.catchUp(name)
	return g.records[name]
}

// catchUp reads a record that another gateway saved.
func (g *gateway) catchUp(name string) {
	if g.revisions[name] == g.store.revisions[name] {
		return
	}
	r := decode(g.store.records[name])
	g.revisions[name] = g.store.revisions[name]
	g.show(name, r, nil)
}

// apply takes an event through machine and store, and performs its effects.
func (g *gateway) apply(name string, ev lifecycle.Event) (*lifecycle.Record, error) {
	r := g.records[name]
	if r == nil {
		r = &lifecycle.Record{Module: name}
	}
	next, effects, err := lifecycle.Step(*r, g.env(), ev)
	if err != nil {
		return r, err
	}
	if g.revisions[name] != g.store.revisions[name] { // another gateway was faster
		g.catchUp(name)
		return g.apply(name, ev)
	}
	g.store.records[name] = encode(&next)
	g.store.saved[name] = stamp{g.clock(), g.life}
	g.store.revisions[name]++
	g.revisions[name] = g.store.revisions[name]
	g.spread(name)
	if !g.calm && g.random.IntN(400) == 0 { // saved, and nothing shown
		g.crash()
		return &next, nil
	}
	g.show(name, &next, effects)
	return &next, nil
}

func (g *gateway) env() lifecycle.Env {
	env := lifecycle.Env{Now: g.clock(), Settings: g.settings, Decide: func(fallback.Query) fallback.Decision { return fallback.Decision{} }}
	for _, other := range g.gateways {
		env.Nodes = append(env.Nodes, other.name)
	}
	return env
}

// spread brings the news to the other gateways, some time.
func (g *gateway) spread(name string) {
	for _, other := range g.gateways {
		if life := other.life; other != g {
			g.in(g.within(0, mostLag*9/10), func() {
				if other.up && other.life == life {
					other.catchUp(name)
				}
			})
		}
	}
}

// show makes r the module's picture here. What another gateway did has no
// effects here; then whoever is parked looks again.
func (g *gateway) show(name string, r *lifecycle.Record, effects []lifecycle.Effect) {
	was := g.records[name]
	g.records[name] = r
	g.view.Set(r)
	if was == nil || was.Turn != r.Turn {
		g.note("%s shows %s: %s", g.name, name, picture(r))
		g.witness.Shown(g.name, name, face(r, g.clock()), g.now)
		if !r.Grant.IsZero() && (was == nil || was.Epoch != r.Epoch) {
			g.report.Grants++
		}
		g.admit(r)
		g.tell(name)
	}
	release := effects == nil
	for _, e := range effects {
		if _, is := e.(lifecycle.Release); is {
			release = true
		}
	}
	if release {
		for _, q := range slices.Clone(g.waiting) {
			if q.module == name && !q.over {
				g.settleRequest(q, "it was released")
			}
		}
	}
}

// tell hands out what is due after a change of that module, to whom holds a
// stream here (N1).
func (g *gateway) tell(changed string) {
	for _, p := range g.processes {
		if p.stream != g || p.token == "" || g.records[p.module.name] == nil {
			continue
		}
		r := g.records[p.module.name]
		v, i := r.Find(p.id)
		if i == nil || string(i.Token) != p.token {
			continue
		}
		cursor := g.cursor(p.id)
		for _, n := range g.view.Due(g.clock(), changed, r, v, i, cursor) {
			cursor.Note(n)
			p.receive(g, n)
		}
		g.save(p.id, cursor)
	}
}

func (g *gateway) cursor(id string) requirement.Cursor {
	c := requirement.Cursor{}
	if text, any := g.store.cursors[id]; any {
		must(json.Unmarshal(text, &c))
	}
	return c
}

// save keeps a cursor; now and then a crash comes first.
func (g *gateway) save(id string, c requirement.Cursor) {
	if !g.calm && g.random.IntN(50) == 0 {
		return
	}
	g.keep(id, c)
}

func (g *gateway) keep(id string, c requirement.Cursor) {
	text, err := json.Marshal(c)
	must(err)
	g.store.cursors[id] = text
}

func encode(r *lifecycle.Record) []byte {
	text, err := json.Marshal(r)
	must(err)
	return text
}

func decode(text []byte) *lifecycle.Record {
	r := &lifecycle.Record{}
	must(json.Unmarshal(text, r))
	return r
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// face is what is public of r.
func face(r *lifecycle.Record, now time.Time) witness.Face {
	f := witness.Face{State: r.State(now, ""), Epoch: r.Epoch}
	if _, i := r.Find(r.Grant.Instance); i != nil && r.Grant.Lost == message.NoReason {
		f.Holder = string(i.Token)
	}
	return f
}

func picture(r *lifecycle.Record) string {
	text := r.Availability().String() + " " + r.Reason().String()
	for i := range r.Versions {
		for _, in := range r.Versions[i].Instances {
			text += ", " + in.ID + " " + in.Phase.String()
		}
	}
	return text
}

// requirements resolves what a version of m needs, for its registration (D1).
func (g *gateway) requirements(m *platformModule) []message.Requirement {
	return g.view.Report(m.requires)
}
