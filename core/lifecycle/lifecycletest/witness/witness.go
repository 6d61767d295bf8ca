// Package witness judges a platform from outside: who was answered what, where
// requests went, which writes the data accepted, what was told. It knows the
// promises of the specification and nothing of the machine that keeps them: it
// imports the words only.
package witness

import (
	"fmt"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Promises are the lengths that operators were promised, and how late a second
// gateway's picture may be.
type Promises struct {
	TTL, UpdateTTL, AbsenceMax, Grace, Lease, Settle, Lag time.Duration
}

// Witness notes what it sees, and which promises were broken. New makes one.
type Witness struct {
	Broken []error

	promised  Promises
	modules   map[string]*record
	processes map[string]*process // by token
	parked    map[int]parking
	started   map[string]time.Time // gateways
	crashed   map[string]time.Time // of them
}

// New returns a witness that has seen nothing.
func New(p Promises) *Witness {
	return &Witness{
		promised: p, modules: map[string]*record{}, processes: map[string]*process{},
		parked: map[int]parking{}, started: map[string]time.Time{}, crashed: map[string]time.Time{},
	}
}

// Face is what a gateway shows of a module at one turn.
type Face struct {
	message.State
	Epoch  uint64
	Holder string // the token of who holds a granted UPDATE, if it lives
}

// record is what was seen of one module.
type record struct {
	faces   map[uint64]Face // by turn
	last    Face            // of the highest turn
	epoch   uint64          // the highest that was shown, or sent
	left    map[string]time.Time
	unready time.Time // since when nobody serves
	ready   time.Time // since when somebody does
	data    data
	missed  time.Time // when it was shown as missing last

	overruled time.Time // when an administrator was followed last
	forced    bool      // one says that it is missing
}

// process is what was seen of one process, by its token.
type process struct {
	module, instance string
	version          module.Version

	renewed time.Time // when a gateway last heard of it
	serves  bool      // its RESUME was answered, and nothing since
	since   time.Time // then
	fenced  time.Time // when it was told so
	gone    time.Time // when it left, was lost or replaced
	leaves  time.Time // when it said DISCONNECT
	held    bool      // it was granted, and its RESUME was not answered yet
	runs    map[int]bool
	told    map[string]word
}

// word is the last notice about one subject.
type word struct {
	module string
	turn   uint64
	kind   message.Kind
}

type parking struct {
	module string
	until  time.Time
}

func (w *Witness) breaks(rule, format string, args ...any) {
	w.Broken = append(w.Broken, fmt.Errorf(rule+": "+format, args...))
}

func (w *Witness) module(name string) *record {
	m := w.modules[name]
	if m == nil {
		m = &record{faces: map[uint64]Face{}, left: map[string]time.Time{}}
		w.modules[name] = m
	}
	return m
}

// Started notes that a gateway is up.
func (w *Witness) Started(gateway string, now time.Time) { w.started[gateway] = now }

// Crashed notes that a gateway is down. What it saved last it may not have
// shown.
func (w *Witness) Crashed(gateway string, now time.Time) { w.crashed[gateway] = now }

// Registered notes a new process; who had its id is replaced.
func (w *Witness) Registered(name string, v module.Version, instance, token string, now time.Time) {
	for _, p := range w.processes {
		if p.module == name && p.instance == instance && p.gone.IsZero() {
			p.gone = now
		}
	}
	w.processes[token] = &process{
		module: name, instance: instance, version: v, renewed: now, runs: map[int]bool{}, told: map[string]word{},
	}
}

// Renewed notes that a gateway heard of the process.
func (w *Witness) Renewed(token string, now time.Time) {
	if p := w.processes[token]; p != nil {
		p.renewed = now
	}
}

// Said notes an announcement that a gateway took; what it was before counts
// no longer.
func (w *Witness) Said(token string, verb message.Verb, now time.Time) {
	p := w.processes[token]
	if p == nil {
		return
	}
	p.renewed = now
	if verb != message.Resume {
		p.serves = false
	}
	switch {
	case verb != message.Disconnect:
		p.leaves, p.gone = time.Time{}, time.Time{} // also of one that was lost, and is back
	case p.leaves.IsZero():
		p.leaves = now
	}
}

// Answered notes how an announcement was answered: when the answer is sent,
// requests see what it says already.
func (w *Witness) Answered(token string, outcome message.Outcome, now time.Time) {
	switch p := w.processes[token]; outcome {
	case message.Resumed:
		p.serves, p.since, p.held = true, now, false
	case message.Disconnected:
		if !p.gone.IsZero() { // it was lost
			break
		}
		p.gone = now
		if had := now.Sub(w.stopped(p)); len(p.runs) > 0 && had < w.grace() && !p.held && !w.uncounted(p) {
			w.breaks("L1", "%s may exit after its DISCONNECT, with %d runs, and had %s", p.instance, len(p.runs), had)
		}
	case message.Granted:
		if holder := w.modules[p.module].last.Holder; holder != token {
			w.breaks("U1", "%s was answered granted; the holder is %q", p.instance, holder)
		}
	case message.Pending, message.Done, message.Withdrawn, message.Refused, message.Expired:
	}
}

// Back notes that a process which refused connections takes them again.
func (w *Witness) Back(token string) {
	if p := w.processes[token]; p != nil {
		p.gone = time.Time{}
	}
}

// Fenced notes that a process was told to stop.
func (w *Witness) Fenced(token string, now time.Time) {
	if p := w.processes[token]; p != nil && p.fenced.IsZero() {
		p.fenced, p.serves = now, false
	}
}

// Lost notes that a gateway gave a process up. By its lease it may only when
// it heard nothing for so long, and has settled (G6).
func (w *Witness) Lost(gateway, token string, byLease bool, now time.Time) {
	p := w.processes[token]
	p.gone, p.serves = now, false
	clear(p.runs) // whoever is lost counts as done (U13), though it may be back
	switch quiet, up := now.Sub(p.renewed), now.Sub(w.started[gateway]); {
	case byLease && quiet < w.promised.Lease:
		w.breaks("L2", "%s was lost %s after it was heard of", p.instance, quiet)
	case byLease && up < w.promised.Settle:
		w.breaks("G6", "%s was lost %s after %s started", p.instance, up, gateway)
	}
}

// Shown notes a module as a gateway shows it from now on.
func (w *Witness) Shown(gateway, name string, f Face, now time.Time) {
	m := w.module(name)
	if seen, known := m.faces[f.Turn]; known {
		if seen.State.State != f.State.State || !seen.Serving.Equal(f.Serving) || seen.Epoch != f.Epoch || seen.Holder != f.Holder {
			w.breaks("turn", "%s at turn %d is %+v, and at %s %+v", name, f.Turn, seen, gateway, f)
		}
		return
	}
	m.faces[f.Turn] = f
	if f.Turn <= m.last.Turn {
		return // it was overtaken by another gateway
	}
	was := m.last
	m.last = f
	if was.State.State == message.Missing {
		m.missed = now
	}
	if f.Epoch < m.epoch {
		w.breaks("U8", "the epoch of %s fell from %d to %d", name, m.epoch, f.Epoch)
	}
	since := now
	if down := w.crashed[gateway]; w.started[gateway].Equal(now) && !down.IsZero() {
		since = down // it was saved before
	}
	if !was.Serving.Equal(f.Serving) && !was.Serving.IsZero() {
		m.left[was.Serving.String()] = since
	}
	switch ready := f.State.State == message.Ready; {
	case ready && m.ready.IsZero():
		m.unready, m.ready = time.Time{}, now
	case !ready && m.unready.IsZero():
		m.unready, m.ready = since, time.Time{}
	}
	for _, p := range w.processes { // a higher one serves, or an UPDATE is under way
		if p.module == name && (f.State.State != message.Ready || p.version.Less(f.Serving)) {
			p.serves = false
		}
	}
	if f.Holder != "" && f.Holder != was.Holder {
		w.granted(name, m, f, now)
	}
	m.epoch = max(m.epoch, f.Epoch)
}

// stopped is since when p gets no new requests: its version serves no longer,
// or it said DISCONNECT.
func (w *Witness) stopped(p *process) time.Time {
	left := w.modules[p.module].left[p.version.String()]
	if !p.leaves.IsZero() && (left.IsZero() || p.leaves.Before(left)) {
		return p.leaves
	}
	return left
}

// grace is the least that is seen of one: another gateway may have saved it
// before this one showed it.
func (w *Witness) grace() time.Duration { return w.promised.Grace - w.promised.Lag }

// uncounted reports whether a gateway restarted since, or less than a grace
// before: it does not know of all runs, and takes p's word for it (G6).
func (w *Witness) uncounted(p *process) bool {
	for _, started := range w.started {
		if started.Add(w.promised.Grace).After(w.stopped(p)) {
			return true
		}
	}
	return false
}

// granted: a grant is a new epoch, above the versions that serve; whoever
// might still work on the data has finished, or had its grace (U2, U9, U8).
func (w *Witness) granted(name string, m *record, f Face, now time.Time) {
	holder := w.processes[f.Holder]
	holder.held, m.data.resumed = true, ""
	if f.Epoch <= m.epoch {
		w.breaks("U8", "%s was granted in epoch %d, after %d", holder.instance, f.Epoch, m.epoch)
	}
	for _, p := range w.processes {
		if p == holder || p.module != name || len(p.runs) == 0 || !p.leaves.IsZero() && w.uncounted(p) || !p.gone.IsZero() || !p.fenced.IsZero() {
			continue
		}
		if had := now.Sub(w.stopped(p)); had < w.grace() {
			w.breaks("U2", "%s was granted while %s has %d runs and had %s", holder.instance, p.instance, len(p.runs), had)
		}
	}
}
