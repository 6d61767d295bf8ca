package lifecycle

import "time"

// Deadline reports when the record wants a Tick, if ever. A Tick then changes
// it; one before does nothing.
func (r *Record) Deadline() (at time.Time, ok bool) {
	least := func(t time.Time) {
		if !t.IsZero() && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	if !r.Absence.Expired {
		least(r.Absence.Until)
	}
	for i := range r.Versions {
		v := &r.Versions[i]
		least(v.Drain.Least)
		for j := range v.Instances {
			in := &v.Instances[j]
			least(in.Ask.Deferred)
			least(in.Leaving)
			least(in.Shut)
			if in.finishing() {
				least(v.Drain.Until)
				least(in.Orphaned)
			}
			if in.unheard() && !in.Alerted {
				least(in.StartBy)
			}
		}
	}
	return at, ok
}
