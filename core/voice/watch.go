package voice

import (
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/probe"
	"github.com/modgate/modgate/core/route"
)

// watch is an instance that speaks for itself and whose probes are judged all
// the same (L2). Of a holder of an UPDATE they say nothing: its port may be
// closed while it restructures its data (U6).
type watch struct {
	*route.Instance // another one after each registration
	probe           config.Probe
}

// watch asks who registered, and no longer who is gone.
func (v *Voices) watch() {
	v.mu.Lock()
	cfg := v.cfg
	v.mu.Unlock()
	present := map[string]watch{}
	for _, c := range v.o.Live.Load().Callers {
		i := c.Instance
		v.mu.Lock()
		mute := v.voices[i.ID] != nil
		v.mu.Unlock()
		if !mute {
			present[i.ID] = watch{i, cfg.Module(i.Module).Probe}
		}
	}
	v.mu.Lock()
	before := v.watched
	v.watched = present
	v.mu.Unlock()
	for id, w := range before {
		if _, still := present[id]; !still && w.probe.Type != config.NoProbe {
			v.release(id)
		}
	}
	for id, w := range present {
		switch was := before[id]; {
		case was == w:
		case w.probe.Type != config.NoProbe:
			v.health.Watch(probe.Subject{Instance: id, Module: w.Module, Upstream: w.Upstream, Probe: w.probe, Report: func(f probe.Finding) { v.judge(w, f) }})
		default:
			if was.probe.Type != config.NoProbe {
				v.health.Stop(id)
			}
			v.judge(w, probe.Finding{Standing: probe.Up}) // nobody asks: nobody doubts
		}
	}
}

// release asks an instance no longer, unless a voice has it by now.
func (v *Voices) release(id string) {
	v.mu.Lock()
	mute := v.voices[id] != nil
	v.mu.Unlock()
	if !mute {
		v.health.Stop(id)
	}
}

// judge lets what probes found of a registered instance have its effect.
func (v *Voices) judge(w watch, f probe.Finding) {
	at, there := v.o.Control.Place(w.Module, w.ID)
	var err error
	switch {
	case !there:
	case f.Standing == probe.Down && inRotation(at.Phase):
		v.o.Log.Warn("an instance is unhealthy", "module", w.Module, "instance", w.ID, "cause", f.Cause)
		err = v.o.Control.Lose(w.Module, w.ID, message.ReasonUnhealthy)
	case f.Standing == probe.Up && at.Sick:
		err = v.o.Control.Heal(w.Module, w.ID)
	}
	if err != nil {
		v.o.Log.Error("what a probe found could not be saved", "instance", w.ID, "cause", err)
	}
}
