package park

import "time"

// lot is where the requests for one module wait.
type lot struct {
	turn    uint64 // of the last Release
	edition uint64 // of the last Review
	recall  uint64 // edition of the last Recall
	waiting queue  // for a Release
	going   queue  // released, and waiting for their turn on the ramp
	ramp    *ramp  // nil: nobody is going
}

func (l *lot) parked() int { return l.waiting.waiting + l.going.waiting }

// of counts the requests of one caller in the lot.
func (l *lot) of(c Caller) int { return l.waiting.of(c) + l.going.of(c) }

// callers counts those who have a request in the lot.
func (l *lot) callers() int {
	n := len(l.waiting.lines)
	for c := range l.going.lines {
		if l.waiting.lines[c] == nil {
			n++
		}
	}
	return n
}

// oldest returns when the request that waits longest arrived. There is one.
func (l *lot) oldest() time.Time {
	a, b := l.waiting.oldest(), l.going.oldest()
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
