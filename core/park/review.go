package park

// Review asks again about everyone who waits for a Release of module, since its
// state of that edition was published, or what is said of requests in it has
// changed. Who may not wait on is woken, and looks again; the others keep
// their places. Who decided to park by an earlier edition and comes only now
// looks again, too.
func (r *Room) Review(module string, edition uint64) {
	r.mu.Lock()
	l := r.lot(module)
	l.edition = max(l.edition, edition)
	all := l.waiting.reviewed(edition)
	r.mu.Unlock()

	var out []*waiter // asked without the lock: an answer may take a while
	for _, w := range all {
		if !w.Stays() {
			out = append(out, w)
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range out {
		if w.queue == &l.waiting { // nobody released it meanwhile, nor did it leave
			w.queue.remove(w)
			r.vacate(w)
			w.wake <- struct{}{}
		}
	}
}

// Recall lets everyone look again who waits for a Release of module, because
// some of its routes lead elsewhere now; its state of that edition must be
// published after them. Who decided to park by an earlier edition and comes
// only now looks again, too. Who is on a ramp looks when it is let go.
func (r *Room) Recall(module string, edition uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lot(module)
	l.recall = max(l.recall, edition)
	for w := l.waiting.pop(); w != nil; w = l.waiting.pop() {
		r.vacate(w)
		w.wake <- struct{}{}
	}
}

// reviewed returns who decided by an earlier edition and has a say in it.
func (q *queue) reviewed(edition uint64) []*waiter {
	var all []*waiter
	for _, ln := range q.lines {
		for w := ln.first; w != nil; w = w.next {
			if w.Stays != nil && w.Edition < edition {
				all = append(all, w)
			}
		}
	}
	return all
}
