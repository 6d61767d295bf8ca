package witness

import (
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// Told notes a notice about a requirement, as its receiver reads it. It must
// have been true at its turn, never go back, and never say two things of one
// turn (D2, N1, G1).
func (w *Witness) Told(token string, q module.Requirement, n message.Notice, now time.Time) {
	p := w.processes[token]
	was, is := p.told[q.ID], word{n.Data.Module, n.Turn, n.Kind}
	p.told[q.ID] = is
	switch {
	case was.module != is.module:
	case is.turn < was.turn:
		w.breaks("N1", "%s was told %s about %s at turn %d, after turn %d", p.instance, is.kind, q.ID, is.turn, was.turn)
	case is.turn == was.turn && is.kind != was.kind:
		w.breaks("G1", "%s was told %s and %s about %s at turn %d", p.instance, was.kind, is.kind, q.ID, is.turn)
	}
	f, known := w.module(n.Data.Module).faces[n.Turn]
	if known && !w.holds(q, n.Kind, f) {
		w.breaks("D2", "%s was told %s about %s at turn %d, where %s", p.instance, n.Kind, q.ID, n.Turn, faceText(f))
	}
}

// Met notes what a registration was answered about its requirements (D1).
func (w *Witness) Met(token string, answers []message.Requirement) {
	for _, a := range answers {
		kind := map[message.Fulfilment]message.Kind{
			message.Met: message.NoticeResume, message.UnmetDelayed: message.NoticeDelay, message.UnmetMissing: message.NoticeMissing,
		}[a.State]
		w.processes[token].told[a.ID] = word{module: a.Module, kind: kind}
	}
}

// Synced notes that a process was sent a snapshot: what that does not name is
// met.
func (w *Witness) Synced(token string, named map[string]bool) {
	for subject := range w.processes[token].told {
		if !named[subject] {
			w.processes[token].told[subject] = word{kind: message.NoticeResume}
		}
	}
}

// holds reports whether a module with face f makes k the word about q: RESUME
// if and only if it serves a version that will do, else MISSING when it is
// missing. Whether a version that will do is on its way is not seen from
// outside.
func (w *Witness) holds(q module.Requirement, k message.Kind, f Face) bool {
	rng, err := module.ParseRange(q.Range, q.Scheme)
	if err != nil {
		return false
	}
	switch met := f.State.State == message.Ready && rng.Admits(f.Serving.String()); {
	case met, f.State.State == message.Unknown && q.Optional:
		return k == message.NoticeResume
	case f.State.State == message.Missing, f.State.State == message.Unknown:
		return k == message.NoticeMissing
	default:
		return k != message.NoticeResume
	}
}

// Knows holds what a process was told last against what is true now, when
// nothing is under way any more.
func (w *Witness) Knows(token string, requires []module.Requirement) {
	p := w.processes[token]
	for _, q := range requires {
		if f := w.module(q.ID).last; !w.holds(q, p.told[q.ID].kind, f) {
			w.breaks("D2", "%s believes %s about %s, where %s", p.instance, p.told[q.ID].kind, q.ID, faceText(f))
		}
	}
}

// Ready demands that a module serves, when nothing is under way any more.
func (w *Witness) Ready(name string) {
	if f := w.module(name).last; f.State.State != message.Ready {
		w.breaks("A1", "%s has a process that resumed, and %s", name, faceText(f))
	}
}

// Pending notes an announcement that was never answered, when nothing is
// under way any more.
func (w *Witness) Pending(token string, verb message.Verb) {
	p := w.processes[token]
	w.breaks("U2", "%s (%s %s) waits for an answer to its %s, where %s", p.instance, p.module, p.version, verb, faceText(w.module(p.module).last))
}

// End demands that nobody is parked any more.
func (w *Witness) End(now time.Time) {
	for n, p := range w.parked {
		w.breaks("A6", "request %d to %s is parked for ever", n, p.module)
	}
}

func faceText(f Face) string {
	text := f.Module + " is " + f.State.State.String() + " " + f.Reason.String()
	if !f.Serving.IsZero() {
		text += ", serving " + f.Serving.String()
	}
	return text
}
