package witness

import "time"

// Routed notes that a gateway sent request n to a process, with the epoch. An
// own one belongs to a run of that process' version, or was sent by the holder
// (U3, U11).
func (w *Witness) Routed(gateway, token string, n int, own bool, epoch uint64, now time.Time) {
	p := w.processes[token]
	m := w.modules[p.module]
	p.runs[n] = true
	m.epoch = max(m.epoch, epoch)
	late := func(since time.Time) bool { return !since.IsZero() && !w.fresh(since, now) }
	switch {
	case late(p.gone):
		w.breaks("L1", "request %d went to %s at %s, gone %s ago", n, p.instance, gateway, now.Sub(p.gone))
	case late(p.fenced):
		w.breaks("U8", "request %d went to %s at %s, fenced %s ago", n, p.instance, gateway, now.Sub(p.fenced))
	case m.last.Holder != "" && m.last.Holder != token && p.gone.IsZero() && !w.fresh(m.overruled, now):
		w.breaks("U2", "request %d went to %s at %s, while %s is updating", n, p.instance, gateway, w.processes[m.last.Holder].instance)
	}
	if own {
		return
	}
	for _, q := range w.processes {
		if q.module == p.module && q.serves && q.gone.IsZero() && q.fenced.IsZero() && late(q.since) && p.version.Less(q.version) {
			w.breaks("V1", "request %d went to %s at %s, although %s serves", n, p.instance, gateway, q.instance)
		}
	}
}

// fresh reports whether another gateway may not know yet what happened at that
// time.
func (w *Witness) fresh(at, now time.Time) bool { return !at.IsZero() && now.Sub(at) <= w.promised.Lag }

// Ended notes that request n is done.
func (w *Witness) Ended(token string, n int) { delete(w.processes[token].runs, n) }

// Parked notes that a request waits, until then at the latest.
func (w *Witness) Parked(n int, name string, until time.Time) {
	w.parked[n] = parking{name, until}
}

// Woken notes that a parked request has its answer or its way.
func (w *Witness) Woken(n int, now time.Time) {
	if p := w.parked[n]; now.After(p.until) {
		w.breaks("A6", "request %d to %s was parked %s too long", n, p.module, now.Sub(p.until))
	}
	delete(w.parked, n)
}

// Missing notes that a request was answered MISSING because the module is: not
// before anything that was promised about its absence has passed (A4).
func (w *Witness) Missing(n int, name string, now time.Time) {
	m := w.module(name)
	least := min(w.promised.TTL, w.promised.UpdateTTL, w.promised.AbsenceMax)
	switch away := now.Sub(m.unready); {
	case m.forced, w.fresh(m.missed, now):
	case m.unready.IsZero():
		if ready := now.Sub(m.ready); ready > w.promised.Lag {
			w.breaks("A4", "request %d was told that %s is missing, which is ready since %s", n, name, ready)
		}
	case away < least-w.promised.Lag:
		w.breaks("A4", "request %d was told that %s is missing after %s", n, name, away)
	}
}

// Overlooked notes that a request is parked at a gateway whose own picture has
// a way for it: nobody woke it (the lost wake-up).
func (w *Witness) Overlooked(gateway string, n int, name string) {
	w.breaks("A5", "request %d sleeps at %s, where %s is ready", n, gateway, name)
}
