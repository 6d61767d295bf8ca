package witness

import (
	"time"

	"github.com/modgate/modgate/core/message"
)

// Overruled notes that an administrator was followed (O1): what was promised
// otherwise is not promised any more. The epoch is the one from then on, and
// dropped are the tokens that are void by it.
func (w *Witness) Overruled(name string, o message.Override, epoch uint64, dropped []string, now time.Time) {
	m := w.module(name)
	m.overruled = now
	for _, token := range dropped {
		p := w.processes[token]
		p.gone, p.serves = now, false
		clear(p.runs)
	}
	switch o.Type {
	case message.ForceResume:
		m.data.busy, m.data.resumed = false, m.last.Holder // they vouch for the data
	case message.Grant:
		for _, p := range w.processes {
			if p.module == name {
				clear(p.runs) // whatever they are about
			}
		}
	case message.Promote:
		m.data.overruled(o, epoch)
		m.data.resumed = m.last.Holder
		for _, p := range w.processes {
			if p.module != name {
				continue
			}
			p.serves = false // it is answered anew
			if p.version.Equal(o.Version) {
				p.fenced = time.Time{}
			}
		}
	case message.LowerFloor:
		m.data.lossy = m.data.lossy || o.AcceptDataLoss
	case message.ForceMissing:
		m.forced = true
	case message.Lift:
		m.forced = false
	case message.Drop:
		if o.Version.IsZero() && o.Instance == "" {
			m.data.dropped = max(1, m.epoch)
		}
	case message.Refuse:
	}
}

// overruled: whose version was promoted, whatever the data are, owns them from
// its epoch on. What is written in an older one until it writes itself is the
// administrator's affair.
func (d *data) overruled(o message.Override, epoch uint64) {
	d.busy, d.promoted = false, epoch
	d.lossy = d.lossy || o.AcceptDataLoss
}
