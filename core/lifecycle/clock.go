package lifecycle

import (
	"slices"
	"time"
)

// setBack moves every instant of r back by d: the clock shows so much less
// than when r was saved last, and what was left of each deadline then is what
// counts (G7). When administrators decided what stays as they were told.
func (r *Record) setBack(d time.Duration) {
	back := func(ts ...*time.Time) {
		for _, t := range ts {
			if !t.IsZero() {
				*t = t.Add(-d)
			}
		}
	}
	back(&r.Absence.Since, &r.Absence.Until)
	for j := range r.Versions {
		v := &r.Versions[j]
		back(&v.Drain.Since, &v.Drain.Least, &v.Drain.Until)
		for k := range v.Instances {
			i := &v.Instances[k]
			back(&i.StartBy, &i.Ask.Since, &i.Ask.Deferred, &i.Leaving, &i.Shut, &i.Orphaned)
		}
	}
}

// latest returns the last of ts.
func latest(ts ...time.Time) time.Time { return slices.MaxFunc(ts, time.Time.Compare) }
