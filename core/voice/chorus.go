package voice

import (
	"sync"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/control"
)

// speakAll lets the voices of each module speak, one after the other, those of
// different modules at the same time, and goes on to listen for what happens.
func (v *Voices) speakAll(modules [][]*voice) {
	for turn := 0; ; turn++ {
		var round []*voice
		for _, voices := range modules {
			if turn < len(voices) {
				round = append(round, voices[turn])
			}
		}
		if round == nil {
			return
		}
		v.chorus(round)
		var speaking sync.WaitGroup
		for _, voice := range round {
			speaking.Go(voice.speakNow)
		}
		speaking.Wait()
	}
}

// chorus lets voices of different modules, which have not spoken yet, say
// together what each would say first: who has to register does, and resumes with
// it if it is up. It need not succeed, since each looks where it stands before
// it speaks by itself.
func (v *Voices) chorus(voices []*voice) {
	var joining []*voice
	var registrations []control.Joining
	for _, voice := range voices {
		if voice.speaks() || voice.leaves() {
			continue
		}
		at, there := voice.look()
		is := voice.facts()
		if !voice.joins(at, there, is) {
			continue
		}
		j := control.Joining{Registration: voice.Registration, Secret: string(voice.Secret)}
		if is.up && !is.parted && voice.Update != config.OnTakeover {
			_, j.Resume = voice.next()
		}
		joining, registrations = append(joining, voice), append(registrations, j)
	}
	for i, r := range v.o.Control.RegisterAll(registrations) {
		if r != nil {
			joining[i].joined(*r)
		}
	}
}
