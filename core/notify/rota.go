package notify

import (
	"context"
	"slices"
	"sync"
	"time"
)

// workers is how many webhooks are sent to at a time; half of them at most
// serve receivers that failed before, so that the dead do not hold up the
// living.
const workers = 16

// rota says whose turn it is. All of it, and the hooks in it, is guarded by
// Post.mu.
type rota struct {
	queue  []*hook // that wait for their turn, in order of due
	again  int     // turns of hooks that had failed before
	turns  sync.Cond
	alarm  *time.Timer // wakes the workers when the next one is due
	stop   context.CancelFunc
	closed bool
}

// open makes an empty rota; mu is Post.mu.
func (r *rota) open(mu *sync.Mutex) {
	r.turns.L = mu
	r.stop = func() {}
}

// start lets workers take turns, until stop is called.
func (r *rota) start(stop context.CancelFunc) {
	r.stop = stop
	r.alarm = time.AfterFunc(0, func() {
		r.turns.L.Lock() // or a worker could be about to wait
		defer r.turns.L.Unlock()
		r.turns.Broadcast()
	})
}

// close ends all turns, now and later.
func (r *rota) close() {
	r.closed = true
	r.stop()
	r.turns.Broadcast()
	if r.alarm != nil {
		r.alarm.Stop()
	}
}

// wake gives h a turn soon, unless it waits for another try already.
func (r *rota) wake(h *hook) {
	switch {
	case h.turn != nil:
		h.woken = true
	case h.due.IsZero():
		h.due = time.Now()
		r.enqueue(h)
	}
}

func (r *rota) enqueue(h *hook) {
	i, _ := slices.BinarySearchFunc(r.queue, h, func(a, b *hook) int {
		if a.due.After(b.due) {
			return 1
		}
		return -1 // behind those that are due at the same time
	})
	r.queue = slices.Insert(r.queue, i, h)
	r.turns.Signal()
}

// rest takes h's turn away, the present and the next. It reports whether an
// alert is over; if h has a turn, its end reports that.
func (r *rota) rest(h *hook) (over bool) {
	if i := slices.Index(r.queue, h); i >= 0 {
		r.queue = slices.Delete(r.queue, i, i+1)
	}
	if h.turn != nil {
		h.turn.cancel()
		return false
	}
	h.forgive()
	return h.settled()
}

// take waits for the next turn, which cancel interrupts, and returns its
// hook; nil once the rota is closed.
func (r *rota) take(cancel context.CancelFunc) *hook {
	for !r.closed {
		now := time.Now()
		i := slices.IndexFunc(r.queue, func(h *hook) bool {
			return h.due.After(now) || h.failures == 0 || r.again < workers/2
		})
		if i >= 0 && !r.queue[i].due.After(now) {
			h := r.queue[i]
			r.queue = slices.Delete(r.queue, i, i+1)
			h.turn = &turn{cancel: cancel, left: make(chan struct{}), again: h.failures > 0}
			if h.turn.again {
				r.again++
			}
			h.due, h.woken = time.Time{}, false
			return h
		}
		if i >= 0 {
			r.alarm.Reset(r.queue[i].due.Sub(now))
		}
		r.turns.Wait()
	}
	return nil
}

// leave ends h's turn. If h stays in the rota, it has another when it is due,
// or was woken. It reports whether an alert is over.
func (r *rota) leave(h *hook, stays bool) (over bool) {
	if h.turn.again {
		r.again--
	}
	h.turn = nil
	if !stays {
		h.forgive()
		return h.settled()
	}
	if h.due.IsZero() && h.woken {
		h.due = time.Now()
	}
	if !h.due.IsZero() {
		r.enqueue(h)
	}
	return h.settled()
}
