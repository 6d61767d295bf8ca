package park

import "time"

// waiter is a parked request.
type waiter struct {
	Request
	since time.Time
	wake  chan struct{} // of capacity 1; gets one value, from the Release that took the waiter out

	line       *line // nil once it is out of its lot
	prev, next *waiter
}

// lot is where the requests for one module wait: one line per caller, and the
// lines in a ring, so that callers take turns.
type lot struct {
	turn   uint64 // of the last Release
	parked int
	lines  map[Caller]*line
	turns  *line // whose turn it is
}

// line is one caller's requests in order of arrival.
type line struct {
	caller      Caller
	first, last *waiter
	prev, next  *line // ring
}

func (l *lot) push(w *waiter) {
	ln := l.lines[w.Caller]
	if ln == nil {
		ln = &line{caller: w.Caller}
		l.lines[w.Caller] = ln
		l.join(ln)
	}
	w.line, w.prev = ln, ln.last
	if ln.last == nil {
		ln.first = w
	} else {
		ln.last.next = w
	}
	ln.last = w
	l.parked++
}

// join puts ln into the ring, behind everyone whose turn comes.
func (l *lot) join(ln *line) {
	if l.turns == nil {
		ln.prev, ln.next, l.turns = ln, ln, ln
		return
	}
	ln.prev, ln.next = l.turns.prev, l.turns
	ln.prev.next, ln.next.prev = ln, ln
}

// pop takes out the request whose turn it is; nil if nobody waits.
func (l *lot) pop() *waiter {
	ln := l.turns
	if ln == nil {
		return nil
	}
	w := ln.first
	l.turns = ln.next
	l.remove(w)
	return w
}

// remove takes w out, and its caller's line if it was the last of it.
func (l *lot) remove(w *waiter) {
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
	w.line, w.prev, w.next = nil, nil, nil
	l.parked--
	if ln.first != nil {
		return
	}
	delete(l.lines, ln.caller)
	if ln.next == ln {
		l.turns = nil
		return
	}
	ln.prev.next, ln.next.prev = ln.next, ln.prev
	if l.turns == ln {
		l.turns = ln.next
	}
}

// oldest returns when the request that waits longest arrived. There is one.
func (l *lot) oldest() time.Time {
	var t time.Time
	for _, ln := range l.lines {
		if t.IsZero() || ln.first.since.Before(t) {
			t = ln.first.since
		}
	}
	return t
}
