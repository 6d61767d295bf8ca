package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/control"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
	"github.com/modgate/modgate/core/store"
)

// declared speaks for the processes of versions that the configuration
// declares in full (C1): it registers them as they would themselves, says
// RESUME at once, renews their leases, and says DISCONNECT for those that are
// declared no longer, also if they vanished while the gateway was down.
type declared struct {
	control *control.Control
	live    *route.Live
	store   store.Store
	alerts  *alert.Desk
	log     *slog.Logger

	stop context.CancelFunc
	wake chan struct{} // holds one: somebody is to leave, or there are other leases
	done sync.WaitGroup

	// mu is held from a look at the voices until what follows was said: it is
	// said in order, and saved before it counts.
	mu       sync.Mutex
	voices   map[string]*voice // by instance id; guarded by mu
	saved    map[string]string // registration's hash by instance id, "" while it changes; guarded by mu
	revision store.Revision    // of saved; guarded by mu
	renewed  time.Time         // when all were last; guarded by mu
}

const (
	declaredSpace = "declared"
	declaredKey   = "instances"
)

// openDeclared registers what cfg declares.
func (g *Gateway) openDeclared() error {
	ctx, cancel := context.WithCancel(context.Background())
	d := &declared{
		control: g.control, live: &g.live, store: g.store, alerts: g.alerts, log: g.log, stop: cancel, wake: make(chan struct{}, 1),
		voices: map[string]*voice{}, saved: map[string]string{}, renewed: time.Now(),
	}
	g.declared = d
	g.onClose(d.close)
	entries, err := d.store.Load(declaredSpace)
	if err != nil {
		return fmt.Errorf("load what was declared: %w", err)
	}
	for _, e := range entries { // one
		d.revision = e.Revision
		if err := json.Unmarshal(e.Value, &d.saved); err != nil {
			return fmt.Errorf("load what was declared: %w", err)
		}
	}
	if err := d.put(g.config); err != nil {
		return err
	}
	d.done.Go(func() { d.keep(ctx) })
	return nil
}

func (d *declared) close() {
	d.stop()
	d.done.Wait()
}

// put makes what cfg declares the truth. What cannot be registered now, such
// as a route that a registered module has, is alerted and tried again.
func (d *declared) put(cfg *config.Config) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	want := map[string]*voice{}
	hashes := map[string]string{}
	var modules [][]*voice // each in order of versions
	last := ""
	for _, i := range cfg.Declared() {
		v := &voice{registration: i.Registration, secret: string(i.Secret)}
		want[i.Instance], hashes[i.Instance] = v, hashOf(i.Registration)
		if i.Module != last {
			modules, last = append(modules, nil), i.Module
		}
		modules[len(modules)-1] = append(modules[len(modules)-1], v)
	}
	before := maps.Clone(d.saved)
	unsure := maps.Clone(before) // a crash in between registers again
	for id, hash := range hashes {
		if before[id] != hash {
			unsure[id] = ""
		}
	}
	if err := d.save(unsure); err != nil {
		return err
	}
	callers := d.callers()
	for id, v := range want {
		if before[id] == hashes[id] {
			v.caller = callers[id] // it is registered, and says the same
		}
		d.voices[id] = v
	}
	d.speakAll(modules, true)
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if want[id] == nil && d.leave(id, callers[id]) {
			hashes[id] = "" // until it has left
		}
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return d.save(hashes)
}

// callers returns who is registered, by instance id.
func (d *declared) callers() map[string]*route.Caller {
	all := map[string]*route.Caller{}
	for _, c := range d.live.Load().Callers {
		all[c.Instance.ID] = c
	}
	return all
}

// save writes which instances were declared. The caller holds mu.
func (d *declared) save(next map[string]string) error {
	if maps.Equal(next, d.saved) {
		return nil
	}
	text, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("save what is declared: %w", err)
	}
	revision, err := d.store.Swap(declaredSpace, declaredKey, text, d.revision)
	if err != nil {
		return fmt.Errorf("save what is declared: %w", err)
	}
	d.saved, d.revision = next, revision
	return nil
}

// leave notes that an instance is declared no longer, and reports whether
// there is one. The caller holds mu.
func (d *declared) leave(id string, who *route.Caller) bool {
	v := d.voices[id]
	if v == nil {
		v = &voice{registration: message.Registration{Instance: id}, caller: who}
	}
	if d.voices[id] = v; v.caller == nil {
		delete(d.voices, id) // it never registered
		return false
	}
	v.registration.Module, v.leaving = v.caller.Instance.Module, true
	return true
}

// dismiss says DISCONNECT for those who leave; their leases are renewed until
// their runs are done (L1).
func (d *declared) dismiss(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, v := range d.voices {
		if !v.leaving || v.said {
			continue
		}
		v.said = true
		d.done.Go(func() {
			err := d.say(ctx, v.caller, message.Disconnect)
			if ctx.Err() != nil {
				return // the next start says it again
			}
			if err != nil && !errors.Is(err, lifecycle.ErrUnknown) && !errors.Is(err, lifecycle.ErrFenced) {
				d.log.Error("disconnect what is declared no longer", "instance", id, "cause", err)
			}
			d.left(id, v)
		})
	}
}

// left forgets an instance that has left, and lets others of its module serve
// that could not meanwhile (V7).
func (d *declared) left(id string, v *voice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.voices[id] != v {
		return // it was declared again
	}
	delete(d.voices, id)
	next := maps.Clone(d.saved)
	delete(next, id)
	if err := d.save(next); err != nil {
		d.log.Error("forget what is declared no longer", "instance", id, "cause", err)
	}
	d.alerts.Clear("declared/" + id)
	var others []*voice
	for _, o := range d.all() {
		if o.registration.Module == v.registration.Module && !o.leaving {
			others = append(others, o)
		}
	}
	d.speakAll([][]*voice{others}, true)
}

// keep renews the leases until ctx ends.
func (d *declared) keep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
			d.dismiss(ctx)
		case <-timer.C:
			d.renewAll()
		}
		if wait := d.pause(); wait > 0 {
			timer.Reset(wait)
		}
	}
}

// retry is how long a registration that was refused waits to be tried again.
const retry = 2 * time.Second

// pause returns the time to the next round, 0 if there is none.
func (d *declared) pause() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	lease := d.lease()
	for _, v := range d.voices {
		if v.caller == nil && (lease == 0 || lease/3 > retry) {
			return retry
		}
	}
	return lease / 3
}

// lease returns the shortest, 0 without any. The caller holds mu.
func (d *declared) lease() (shortest time.Duration) {
	for _, v := range d.voices {
		if v.lease > 0 && (shortest == 0 || v.lease < shortest) {
			shortest = v.lease
		}
	}
	return shortest
}

func (d *declared) renewAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	late := time.Since(d.renewed) > d.lease() // the machine slept: leases ran out
	var modules [][]*voice
	for _, v := range d.all() {
		if i := len(modules) - 1; i >= 0 && modules[i][0].registration.Module == v.registration.Module {
			modules[i] = append(modules[i], v)
		} else {
			modules = append(modules, []*voice{v})
		}
	}
	d.speakAll(modules, late)
	d.renewed = time.Now()
}

// all returns the voices by module and instance. The caller holds mu.
func (d *declared) all() []*voice {
	return slices.SortedFunc(maps.Values(d.voices), func(a, b *voice) int {
		return cmp.Or(cmp.Compare(a.registration.Module, b.registration.Module), cmp.Compare(a.registration.Instance, b.registration.Instance))
	})
}

// speakAll lets the voices of each module speak, one after the other, those of
// different modules at the same time. The caller holds mu.
func (d *declared) speakAll(modules [][]*voice, anew bool) {
	var speaking sync.WaitGroup
	for _, voices := range modules {
		speaking.Go(func() {
			for _, v := range voices {
				d.speak(v, anew)
			}
		})
	}
	speaking.Wait()
	maps.DeleteFunc(d.voices, func(_ string, v *voice) bool { return v.over })
}
