package voice

import (
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/probe"
)

// facts are what is known of an instance apart from where it stands.
type facts struct {
	unknown bool           // it never registered
	up      bool           // it can serve
	down    bool           // it cannot; neither: nobody knows yet
	why     message.Reason // it is down
	cause   error          // likewise
	heard   bool           // its last probe was answered, whatever the answer
	silent  int            // probes in a row that were not

	fresh, anew, leaving, parted bool // see voice
}

func (v *voice) facts() facts {
	p := v.all.process(v.Process)
	v.mu.Lock()
	defer v.mu.Unlock()
	is := facts{unknown: v.caller == nil, fresh: v.fresh, anew: v.anew, leaving: v.leaving, parted: v.parted}
	switch {
	case v.Process != "" && !p.running:
		is.down, is.why = p.ended, message.ReasonLost
	case v.Probe.Type == config.NoProbe:
		is.up, is.heard = true, true
	case v.finding != nil:
		f := v.finding
		is.up, is.down, is.why, is.cause = f.Standing == probe.Up, f.Standing == probe.Down, message.ReasonUnhealthy, f.Cause
		is.heard, is.silent = f.Silent == 0, f.Silent
	}
	return is
}

// attend has the instance's health asked for, if it has a probe and a process.
func (v *voice) attend() {
	if v.Probe.Type == config.NoProbe || v.Process != "" && !v.all.process(v.Process).running {
		v.all.health.Stop(v.Instance)
		return
	}
	v.all.health.Watch(probe.Subject{Instance: v.Instance, Module: v.Module, Upstream: v.Upstream, Probe: v.Probe, Report: v.found})
}

// found takes what a probe found. What comes late, of a voice that has ended
// or of a process that has, is as good as none.
func (v *voice) found(f probe.Finding) {
	if v.ctx.Err() != nil {
		return
	}
	v.mu.Lock()
	v.finding = &f
	changed := v.degraded != f.Degraded
	v.degraded = f.Degraded
	v.mu.Unlock()
	switch {
	case changed && f.Degraded:
		v.all.raise(v.key("degraded"), alert.Warning, v.Module, "instance %s of %s %s is degraded, its adapter says", v.Instance, v.Module, v.Version)
	case changed:
		v.all.o.Alerts.Clear(v.key("degraded"))
	}
	v.rouse()
}

// process is what is known of a supervised one.
type process struct {
	running bool
	ended   bool // it has run, and does not
}

func (v *Voices) process(name string) process {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.running[name]
}

// Started is told that a supervised process runs.
func (v *Voices) Started(name string) { v.moved(name, process{running: true}) }

// Ended is told that one has ended.
func (v *Voices) Ended(name string) { v.moved(name, process{ended: true}) }

func (v *Voices) moved(name string, p process) {
	v.mu.Lock()
	v.running[name] = p
	v.mu.Unlock()
	voice := v.of(name)
	if voice == nil {
		return
	}
	voice.mu.Lock()
	voice.finding = nil
	if p.running {
		voice.fresh, voice.used, voice.parted = voice.used, true, false
	}
	voice.mu.Unlock()
	voice.attend()
	voice.rouse()
}
