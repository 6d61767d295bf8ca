package voice

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// Declare puts what cfg declares in force. When it returns, every declared
// instance is known, and those serve that nothing keeps from it. What cannot be
// registered now, such as a route that another module has, is alerted and tried
// again. An error is that of the store or of a listener; then nothing has
// changed but that Prepare has been called.
func (v *Voices) Declare(cfg *config.Config) error {
	v.declaring.Lock()
	defer v.declaring.Unlock()
	if err := v.prepare(cfg); err != nil {
		return err
	}
	want := map[string]*voice{}
	hashes := map[string]string{}
	var modules [][]*voice // each in order of versions
	last := ""
	for _, d := range cfg.Declared() {
		voice := v.newVoice(d)
		want[d.Instance], hashes[d.Instance] = voice, hashOf(d)
		if d.Module != last {
			modules, last = append(modules, nil), d.Module
		}
		modules[len(modules)-1] = append(modules[len(modules)-1], voice)
	}
	before := v.ledger.saved
	unsure := maps.Clone(before) // a crash in between registers again
	for id, hash := range hashes {
		if before[id] != hash {
			unsure[id] = ""
		}
	}
	if err := v.ledger.save(unsure); err != nil {
		return err
	}
	callers := v.callers()
	for i, voices := range modules {
		for j, voice := range voices {
			modules[i][j] = v.enter(voice, before[voice.Instance] == hashes[voice.Instance], callers[voice.Instance])
		}
	}
	v.mu.Lock()
	v.cfg = cfg
	v.mu.Unlock()
	v.speakAll(modules)
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if want[id] == nil && v.dismiss(id, callers[id]) {
			hashes[id] = "" // until it has left
		}
	}
	v.settle(cfg)
	v.Observe("") // who registers may be probed otherwise now
	if err := v.ledger.save(hashes); err != nil {
		v.o.Log.Error("save what is declared; the next start registers it again", "cause", err)
	}
	return nil
}

// enter puts a voice in its place, or keeps the one that is there, if it says
// and does the same. same is whether the instance is registered as it would
// be now, by the caller of that name.
func (v *Voices) enter(voice *voice, same bool, caller *route.Caller) *voice {
	v.mu.Lock()
	old := v.voices[voice.Instance]
	v.mu.Unlock()
	if old != nil && !old.leaves() && old.equal(voice) {
		old.encourage()
		return old
	}
	if same {
		voice.adopt(caller)
	}
	if old != nil {
		old.end()
		voice.take(old)
	}
	v.mu.Lock()
	v.voices[voice.Instance] = voice
	v.mu.Unlock()
	return voice
}

// callers returns who is registered, by instance id.
func (v *Voices) callers() map[string]*route.Caller {
	all := map[string]*route.Caller{}
	for _, c := range v.o.Live.Load().Callers {
		all[c.Instance.ID] = c
	}
	return all
}

// dismiss lets an instance leave that is declared no longer, and reports
// whether there is one: its lease is renewed until its runs are done (L1).
func (v *Voices) dismiss(id string, who *route.Caller) bool {
	v.mu.Lock()
	voice := v.voices[id]
	v.mu.Unlock()
	if voice == nil && who != nil {
		voice = v.newVoice(config.Declared{Registration: message.Registration{
			Instance: id, Module: who.Instance.Module, Upstream: who.Instance.Upstream,
		}})
		voice.adopt(who)
		v.mu.Lock()
		v.voices[id] = voice
		v.mu.Unlock()
	}
	if voice == nil {
		return false
	}
	any, news := voice.leave()
	switch {
	case !any:
		v.forget(id, voice) // it never registered
		return false
	case !news:
		return true
	}
	v.health.Stop(id)
	voice.speakNow()
	v.done.Go(func() {
		err := voice.say(v.ctx, message.Disconnect)
		if v.ctx.Err() != nil {
			return // the next start says it again
		}
		if err != nil && !errors.Is(err, lifecycle.ErrUnknown) && !errors.Is(err, lifecycle.ErrFenced) {
			v.o.Log.Error("disconnect what is declared no longer", "instance", id, "cause", err)
		}
		v.left(id, voice)
	})
	return true
}

// left forgets an instance that has left, and lets others of its module serve
// that could not meanwhile (V7).
func (v *Voices) left(id string, gone *voice) {
	v.declaring.Lock()
	defer v.declaring.Unlock()
	if !v.forget(id, gone) {
		return // it was declared again
	}
	next := maps.Clone(v.ledger.saved)
	delete(next, id)
	if err := v.ledger.save(next); err != nil {
		v.o.Log.Error("forget what is declared no longer", "instance", id, "cause", err)
	}
	for _, other := range v.all() {
		if other.Module == gone.Module {
			other.encourage()
			other.rouse()
		}
	}
}

// forget ends a voice, unless it is another one's place by now.
func (v *Voices) forget(id string, gone *voice) bool {
	v.mu.Lock()
	is := v.voices[id] == gone
	if is {
		delete(v.voices, id)
	}
	v.mu.Unlock()
	if is && gone != nil {
		gone.end()
		v.health.Stop(id)
		for _, what := range []string{"declared", "degraded", "notices"} {
			v.o.Alerts.Clear(gone.key(what))
		}
	}
	return is
}

// Leave says DISCONNECT for the instance that the supervised process is, and
// returns when its runs are done, or ctx ends.
func (v *Voices) Leave(ctx context.Context, process string) {
	voice := v.of(process)
	if voice == nil || !voice.part() {
		return
	}
	if err := voice.say(ctx, message.Disconnect); err != nil && !errors.Is(err, lifecycle.ErrUnknown) && !errors.Is(err, lifecycle.ErrFenced) {
		v.o.Log.Warn("disconnect a process that is to stop", "process", process, "cause", err)
	}
}
