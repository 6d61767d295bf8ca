package park

import "time"

// waiter is a parked request.
type waiter struct {
	Request
	pass *Pass         // with which it was let go; set before wake, as is
	err  error         // why it was not
	wake chan struct{} // of capacity 1; gets one value, from whoever took the waiter out

	queue      *queue // nil once it is out
	line       *line
	prev, next *waiter
}

// queue is where requests for one module wait: one line per caller, and the
// lines in a ring, so that callers take turns. The zero value is empty.
type queue struct {
	waiting int
	lines   map[Caller]*line
	turns   *line // whose turn it is
}

// line is one caller's requests in order of arrival.
type line struct {
	caller      Caller
	waiting     int
	first, last *waiter
	prev, next  *line // ring
}

// push puts w behind those of its caller that came before it. One that parks
// anew finds its place again.
func (q *queue) push(w *waiter) {
	ln := q.lines[w.Caller]
	if ln == nil {
		if q.lines == nil {
			q.lines = make(map[Caller]*line)
		}
		ln = &line{caller: w.Caller}
		q.lines[w.Caller] = ln
		q.join(ln)
	}
	before := ln.last
	for before != nil && w.Since.Before(before.Since) {
		before = before.prev
	}
	ln.insert(w, before)
	w.queue, w.line = q, ln
	ln.waiting++
	q.waiting++
}

// insert puts w behind before, or first.
func (ln *line) insert(w, before *waiter) {
	w.prev = before
	if before == nil {
		w.next, ln.first = ln.first, w
	} else {
		w.next, before.next = before.next, w
	}
	if w.next == nil {
		ln.last = w
	} else {
		w.next.prev = w
	}
}

// join puts ln into the ring, behind everyone whose turn comes.
func (q *queue) join(ln *line) {
	if q.turns == nil {
		ln.prev, ln.next, q.turns = ln, ln, ln
		return
	}
	ln.prev, ln.next = q.turns.prev, q.turns
	ln.prev.next, ln.next.prev = ln, ln
}

// pop takes out the request whose turn it is; nil if nobody waits.
func (q *queue) pop() *waiter {
	ln := q.turns
	if ln == nil {
		return nil
	}
	w := ln.first
	q.turns = ln.next
	q.remove(w)
	return w
}

// remove takes w out, and its caller's line if it was the last of it.
func (q *queue) remove(w *waiter) {
	ln := w.line
	if w.prev == nil {
		ln.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		ln.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queue, w.line, w.prev, w.next = nil, nil, nil, nil
	ln.waiting--
	q.waiting--
	if ln.first == nil {
		q.dissolve(ln)
	}
}

// dissolve takes an empty line out of the ring.
func (q *queue) dissolve(ln *line) {
	delete(q.lines, ln.caller)
	if ln.next == ln {
		q.turns = nil
		return
	}
	ln.prev.next, ln.next.prev = ln.next, ln.prev
	if q.turns == ln {
		q.turns = ln.next
	}
}

// take moves everyone of other to q, in the order of their turns.
func (q *queue) take(other *queue) {
	if q.waiting == 0 {
		q.adopt(other)
		return
	}
	for w := other.pop(); w != nil; w = other.pop() {
		q.push(w)
	}
}

// adopt makes q, which is empty, what other is.
func (q *queue) adopt(other *queue) {
	*q, *other = *other, queue{}
	for _, ln := range q.lines {
		for w := ln.first; w != nil; w = w.next {
			w.queue = q
		}
	}
}

// of counts the requests of one caller.
func (q *queue) of(c Caller) int {
	if ln := q.lines[c]; ln != nil {
		return ln.waiting
	}
	return 0
}

// oldest returns when the request that waits longest arrived; zero: nobody
// waits.
func (q *queue) oldest() (t time.Time) {
	for _, ln := range q.lines {
		if t.IsZero() || ln.first.Since.Before(t) {
			t = ln.first.Since
		}
	}
	return t
}
