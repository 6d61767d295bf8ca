package alert

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Bounds of what a desk holds and how long a sink may take.
const (
	maxQueue   = 256
	maxOpen    = 4096 // incidents
	maxSummary = 256  // bytes
	maxDetail  = 4096 // bytes

	sendLimit  = 10 * time.Second // for one report to one sink
	closeLimit = 5 * time.Second  // for all that are left at Close
)

// Options are what a Desk works with.
type Options struct {
	Sinks []Sink       // each gets every report, in this order
	Log   *slog.Logger // hears of a sink that fails; nil: nobody does
}

// Desk knows the open incidents and passes reports to its sinks, on one
// goroutine of its own: no method but Close waits for a sink. Open makes one.
type Desk struct {
	log   *slog.Logger
	queue chan Report
	hurry context.CancelFunc // ends all sending
	done  chan struct{}      // closed when the goroutine has ended

	mu     sync.Mutex
	sinks  []Sink // replaced, not changed; guarded by mu, as below
	closed bool
	open   map[string]*incident // by key
	rates  rates
	lost   uint64 // reports that the queue had no room for, and incidents beyond maxOpen
}

// incident is one that is open.
type incident struct {
	Incident
	told bool // its beginning is in the queue, or was
}

// Open starts a desk.
func Open(o Options) *Desk {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, hurry := context.WithCancel(context.Background())
	d := &Desk{
		sinks: o.Sinks, log: o.Log, queue: make(chan Report, maxQueue), hurry: hurry, done: make(chan struct{}),
		open: map[string]*incident{}, rates: rates{},
	}
	go d.run(ctx)
	return d
}

// Redirect has every report that is not passed on yet go to sinks instead.
func (d *Desk) Redirect(sinks []Sink) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sinks = sinks
}

// Raise opens the incident of a.Key and reports it. While it is open, raising
// it again is silent, unless its report was lost.
func (d *Desk) Raise(a Alert) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in := d.open[a.Key]
	if in == nil {
		if len(d.open) >= maxOpen {
			d.lost++
			return
		}
		in = &incident{Incident: Incident{Alert: a.cut(), Since: time.Now()}}
		d.open[a.Key] = in
	}
	if !in.told {
		in.told = d.report(Report{Incident: in.Incident, Occasion: Begun})
	}
}

// Clear ends the incident of that key, if it is open. The end is reported if
// the beginning was.
func (d *Desk) Clear(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in := d.open[key]
	if in == nil {
		return
	}
	delete(d.open, key)
	if in.told {
		d.report(Report{Incident: in.Incident, Occasion: Ended})
	}
}

// Say reports a message from an instance (3.3, POST /v1/alerts); its key is
// of no account. It returns 0, or, of an instance that says too much, how
// long it has to wait; nothing is reported then.
func (d *Desk) Say(instance string, a Alert) (wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if wait := d.rates.take(instance, now); wait > 0 {
		return wait
	}
	a.Key = ""
	d.report(Report{Incident: Incident{Alert: a.cut(), Since: now}, Occasion: Said, From: instance})
	return 0
}

// Open returns the open incidents, the oldest first.
func (d *Desk) Open() []Incident {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Incident, 0, len(d.open))
	for _, in := range d.open {
		all = append(all, in.Incident)
	}
	slices.SortFunc(all, func(a, b Incident) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Key, b.Key))
	})
	return all
}

// Lost returns how many reports were lost because there was no room for them.
func (d *Desk) Lost() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// report puts r into the queue and says whether there was room. The caller
// holds mu.
func (d *Desk) report(r Report) bool {
	if d.closed {
		return false
	}
	r.Time = time.Now()
	select {
	case d.queue <- r:
		return true
	default:
		d.lost++
		return false
	}
}

// run passes on what is queued until Close, and then what is left.
func (d *Desk) run(ctx context.Context) {
	defer close(d.done)
	var confessed uint64
	for r := range d.queue {
		d.send(ctx, r)
		if lost := d.Lost(); lost > confessed {
			d.send(ctx, lossOf(lost-confessed))
			confessed = lost
		}
	}
}

// lossOf is the report that n others were lost.
func lossOf(n uint64) Report {
	now := time.Now()
	return Report{
		Incident: Incident{Since: now, Alert: Alert{
			Severity: Warning, Summary: fmt.Sprintf("%d alerts were lost: there were too many at once", n),
			Detail: "what is open now is listed by the control API under /v1/admin/alerts",
		}},
		Occasion: Said, Time: now,
	}
}

func (d *Desk) send(ctx context.Context, r Report) {
	d.mu.Lock()
	sinks := d.sinks
	d.mu.Unlock()
	for _, s := range sinks {
		limited, cancel := context.WithTimeout(ctx, sendLimit)
		if err := s.Send(limited, r); err != nil {
			d.log.Error("alert was not delivered", "summary", r.Summary, "occasion", r.Occasion.String(), "cause", err)
		}
		cancel()
	}
}

// Close passes on what is queued, for 5 s at most, and waits for the sinks.
// What is raised later is not reported.
func (d *Desk) Close() {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.queue)
	}
	d.mu.Unlock()
	limit := time.AfterFunc(closeLimit, d.hurry)
	<-d.done
	limit.Stop()
	d.hurry()
}

// cut returns a within the bounds of its text.
func (a Alert) cut() Alert {
	a.Summary, a.Detail = cut(a.Summary, maxSummary), cut(a.Detail, maxDetail)
	return a
}

// cut returns at most n bytes of s, and no half of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n]) // the rest need not stay in memory
}
