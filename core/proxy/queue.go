package proxy

import (
	"slices"
	"sync"
	"time"
)

// queue is who waits for room on links, in order. The zero value is empty.
type queue struct {
	mu      sync.Mutex
	waiting []chan struct{} // guarded by mu; each is closed when it is its turn
	timer   *time.Timer     // runs while anybody waits
}

// lookAgain is how long after the last look the first of a queue looks again.
// net/http tells when a link has room, but for room that somebody took and gave
// back while it was telling.
const lookAgain = 20 * time.Millisecond

// join returns what is closed when there may be room. Whoever had a turn, and
// found none, is first again. Whoever joins must leave.
func (q *queue) join(first bool) chan struct{} {
	turn := make(chan struct{})
	q.mu.Lock()
	defer q.mu.Unlock()
	if first {
		q.waiting = slices.Insert(q.waiting, 0, turn)
	} else {
		q.waiting = append(q.waiting, turn)
	}
	switch {
	case q.timer == nil:
		q.timer = time.AfterFunc(lookAgain, q.next)
	case len(q.waiting) == 1:
		q.timer.Reset(lookAgain)
	}
	return turn
}

// leave takes turn out, if it is still to come; else the next look, since there
// may be more room.
func (q *queue) leave(turn chan struct{}) {
	q.mu.Lock()
	at := slices.Index(q.waiting, turn)
	if at >= 0 {
		q.waiting = slices.Delete(q.waiting, at, at+1)
	}
	q.mu.Unlock()
	if at < 0 {
		q.next()
	}
}

// next lets the first look for room.
func (q *queue) next() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return
	}
	close(q.waiting[0])
	if q.waiting = slices.Delete(q.waiting, 0, 1); len(q.waiting) > 0 {
		q.timer.Reset(lookAgain)
	}
}

// await waits for its turn, and reports whether it came in time.
func await(turn <-chan struct{}, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-turn:
		return true
	case <-timer.C:
		return false
	}
}
