package alert

import (
	"maps"
	"time"
)

// rates holds back instances that say too much: 10 messages at once, then one
// every 6 s. It maps an instance to when it will have its 10 again (the
// generic cell rate algorithm).
type rates map[string]time.Time

const (
	ratePause = 6 * time.Second
	rateBurst = 10
)

// take returns 0 and counts one message, or how long until it could.
func (r rates) take(instance string, now time.Time) time.Duration {
	full := r[instance]
	if full.Before(now) {
		full = now
	}
	if wait := full.Sub(now) - (rateBurst-1)*ratePause; wait > 0 {
		return wait
	}
	maps.DeleteFunc(r, func(_ string, full time.Time) bool { return !full.After(now) })
	r[instance] = full.Add(ratePause)
	return 0
}
