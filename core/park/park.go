// Package park is the waiting room: it holds requests whose module is away
// until the module is released, their deadline passes or their client leaves.
//
// It decides who may wait (bounds, circles), in which order and how fast those
// who wait are woken, and nothing else: it never knows why a module is away,
// never answers a request, and starts no goroutine for one. Who is woken looks
// at the route table again.
package park

import (
	"errors"
	"net/netip"
	"sync"
	"time"
)

// What Wait returns when the module was not released.
var (
	ErrFull    = errors.New("park: no room")                        // a bound is reached (A6)
	ErrCycle   = errors.New("park: would wait for itself")          // holders would wait in a circle (U11)
	ErrExpired = errors.New("park: deadline passed")                // the request's own wait is over
	ErrLeft    = errors.New("park: client left")                    // nobody waits for the answer
	ErrClosed  = errors.New("park: closed, the gateway shuts down") // now and for every later Wait
)

// Limits bound the room (A6). A zero field is its default of lifecycle.md 3.5;
// a negative one lets nobody in.
type Limits struct {
	PerModule int               // requests parked for one module, 10,000
	PerCaller int               // requests parked of one caller, whatever they wait for, 1,000
	Bytes     int64             // held by all parked requests, 64 MiB
	Modules   map[string]Bounds // of modules that have narrower ones, by name; not changed any more
}

// Bounds are a module's own. Zero and below let nobody in.
type Bounds struct {
	PerModule int // requests parked for it
	PerCaller int // of these, of one caller
}

func (l Limits) withDefaults() Limits {
	if l.PerModule == 0 {
		l.PerModule = 10_000
	}
	if l.PerCaller == 0 {
		l.PerCaller = 1_000
	}
	if l.Bytes == 0 {
		l.Bytes = 64 << 20
	}
	return l
}

// of returns what holds for module beside what holds for all: how many requests
// may wait for it, and how many of one caller's.
func (l Limits) of(module string) Bounds {
	all := Bounds{l.PerModule, l.PerCaller}
	if b, ok := l.Modules[module]; ok {
		return Bounds{min(b.PerModule, all.PerModule), min(b.PerCaller, all.PerCaller)}
	}
	return all
}

// Caller is who is served fairly beside others: an instance, or, of a request
// without a token, its source address (I1).
type Caller struct {
	Instance string
	Addr     netip.Addr
}

// Request is one request that wants to wait.
type Request struct {
	Module  string // target
	Turn    uint64 // of the target's state that sent the request here
	Edition uint64 // of that state, too
	Caller  Caller
	Since   time.Time // when it was parked first; zero: now
	Holder  string    // the caller's module if the caller holds a granted UPDATE, else ""
	Bytes   int64     // what the request holds while it waits

	// Stays is asked by Review, on its goroutine and perhaps after the request
	// is gone, whether the request may wait on; nil: it may.
	Stays func() bool
}

// Room holds the parked requests of all modules.
type Room struct {
	mu     sync.Mutex
	limits Limits // guarded by mu, as all below
	shut   bool
	lots   map[string]*lot
	calls  map[Caller]int // parked requests of each caller that has some
	bytes  int64
	edges  edges
}

// NewRoom returns an empty room.
func NewRoom(l Limits) *Room {
	return &Room{
		limits: l.withDefaults(),
		lots:   make(map[string]*lot), calls: make(map[Caller]int), edges: make(edges),
	}
}

// Limit puts other limits in force, for who comes now: nobody who is parked has
// to go.
func (r *Room) Limit(l Limits) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limits = l.withDefaults()
}

// Wait parks q until its module is released, and returns no error then; on a
// ramp, a Pass. It returns at once if the module was released at a later turn
// than the one q saw: else a request that looked before the release and parks
// after it would sleep for ever. It returns ErrExpired at the time until, and
// ErrLeft when left is closed (nil: never).
func (r *Room) Wait(q Request, until time.Time, left <-chan struct{}) (*Pass, error) {
	wait := time.Until(until)
	if wait <= 0 {
		return nil, ErrExpired
	}
	w, err := r.enter(q)
	if w == nil {
		return nil, err
	}
	timer := time.AfterFunc(wait, func() { r.end(w, ErrExpired) })
	defer timer.Stop()
	select { // each further case would cost every parked request a tenth of a KiB
	case <-w.wake:
	case <-left:
		r.end(w, ErrLeft)
		<-w.wake // or it was released meanwhile: the release wins
	}
	return w.pass, w.err
}

// end ends w's wait with err, if nobody has let it go.
func (r *Room) end(w *waiter, err error) {
	if r.leave(w) {
		w.err = err
		w.wake <- struct{}{}
	}
}

// enter returns the place of q, or nil if it need not or may not wait.
func (r *Room) enter(q Request) (*waiter, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut {
		return nil, ErrClosed
	}
	l := r.lot(q.Module)
	if l.turn > q.Turn || l.recall > q.Edition || q.Stays != nil && l.edition > q.Edition {
		return nil, nil
	}
	if r.full(l, q) {
		return nil, ErrFull
	}
	if q.Holder != "" {
		if r.edges.closes(q.Holder, q.Module) {
			return nil, ErrCycle
		}
		r.edges.add(q.Holder, q.Module)
	}
	r.calls[q.Caller]++
	r.bytes += q.Bytes
	if q.Since.IsZero() {
		q.Since = time.Now()
	}
	w := &waiter{Request: q, wake: make(chan struct{}, 1)}
	l.waiting.push(w)
	return w, nil
}

// full reports whether a bound keeps q out of its lot. Guarded by mu.
func (r *Room) full(l *lot, q Request) bool {
	module := r.limits.of(q.Module)
	return l.parked() >= module.PerModule || l.of(q.Caller) >= module.PerCaller ||
		r.calls[q.Caller] >= r.limits.PerCaller || r.bytes+q.Bytes > r.limits.Bytes
}

// leave gives up w's place and reports whether it still had one.
func (r *Room) leave(w *waiter) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.queue == nil {
		return false
	}
	w.queue.remove(w)
	r.vacate(w)
	return true
}

// vacate forgets what w counted for. Guarded by mu.
func (r *Room) vacate(w *waiter) {
	if r.calls[w.Caller]--; r.calls[w.Caller] == 0 {
		delete(r.calls, w.Caller)
	}
	r.bytes -= w.Bytes
	if w.Holder != "" {
		r.edges.drop(w.Holder, w.Module)
	}
}

// Release lets everyone look again who waits for module: at once, or, if rate
// is above 0, on a ramp of at most rate requests a second, since the module is
// ready (A5). The order is first come first served within a caller and round
// robin among callers. The state of that turn must be published before: who
// is woken looks at it. A Release during a ramp replaces it, and takes up who
// parked meanwhile.
func (r *Room) Release(module string, turn uint64, rate int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lot(module)
	l.turn = max(l.turn, turn)
	switch {
	case r.shut, l.parked() == 0:
	case rate > 0:
		r.ascend(l, rate)
	default:
		l.end()
		l.going.take(&l.waiting)
		for w := l.going.pop(); w != nil; w = l.going.pop() {
			r.vacate(w)
			w.wake <- struct{}{}
		}
	}
}

// Waiting returns how many requests wait for module now, and how many may.
func (r *Room) Waiting(module string) (count, limit int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.lots[module]; l != nil {
		count = l.parked()
	}
	return count, max(r.limits.of(module).PerModule, 0)
}

// Counts says who waits for a module.
type Counts struct {
	Parked  int
	Callers int
	Longest time.Duration // of those who wait now
}

// Parked returns who waits for module now.
func (r *Room) Parked(module string) Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lots[module]
	if l == nil || l.parked() == 0 {
		return Counts{}
	}
	return Counts{Parked: l.parked(), Callers: l.callers(), Longest: time.Since(l.oldest())}
}

// Total returns how many requests are parked, and the bytes that they hold.
func (r *Room) Total() (parked int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lots {
		parked += l.parked()
	}
	return parked, r.bytes
}

// Close ends every Wait, present and future, with ErrClosed.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.shut {
		r.shut = true
		for _, l := range r.lots {
			l.end()
			l.going.take(&l.waiting)
			for w := l.going.pop(); w != nil; w = l.going.pop() {
				r.vacate(w)
				w.err = ErrClosed
				w.wake <- struct{}{}
			}
		}
	}
}

// lot returns module's lot. A lot stays for good, for its turn: there are as
// many as modules were ever known. Guarded by mu.
func (r *Room) lot(module string) *lot {
	l := r.lots[module]
	if l == nil {
		l = &lot{}
		r.lots[module] = l
	}
	return l
}
