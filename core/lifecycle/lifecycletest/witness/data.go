package witness

import "time"

// data is what a module keeps, fenced as its authors are told to (U8): a write
// bears an epoch and is refused below the highest that wrote.
type data struct {
	fence  uint64
	format string // token of who restructured it last, or does so now
	busy   bool   // it does so now
}

// accepts fences a write, and reports whether it lands.
func (d *data) accepts(epoch uint64) bool {
	if epoch < d.fence {
		return false
	}
	d.fence = epoch
	return true
}

// Format returns which version the module's data was restructured for last,
// "" for none, and whether that is done.
func (w *Witness) Format(name string) (version string, done bool) {
	d := &w.module(name).data
	if d.format == "" {
		return "", true
	}
	return w.processes[d.format].version.String(), !d.busy
}

// Write is a process writing its module's data. Nobody's write may land while
// another restructures, nor that of a version below the data's.
func (w *Witness) Write(token string, epoch uint64, now time.Time) bool {
	p := w.processes[token]
	d := &w.module(p.module).data
	if !d.accepts(epoch) {
		return false
	}
	w.owns(p, token, d)
	return true
}

// Restructure is a holder's first write, and Restructured its last.
func (w *Witness) Restructure(token string, epoch uint64) bool {
	p := w.processes[token]
	d := &w.module(p.module).data
	if !d.accepts(epoch) {
		return false
	}
	if d.format != "" && p.version.Less(w.processes[d.format].version) {
		w.breaks("U8", "%s restructures data of %s", p.instance, w.processes[d.format].version)
	}
	d.format, d.busy = token, true
	return true
}

// Restructured is its last.
func (w *Witness) Restructured(token string, epoch uint64) bool {
	p := w.processes[token]
	d := &w.module(p.module).data
	if !d.accepts(epoch) {
		return false
	}
	w.owns(p, token, d)
	d.busy = false
	return true
}

// owns: of the writes that land, all are of one owner at a time.
func (w *Witness) owns(p *process, token string, d *data) {
	switch {
	case d.format == "":
	case d.busy && d.format != token:
		w.breaks("U8", "a write of %s landed while %s restructures", p.instance, w.processes[d.format].instance)
	case p.version.Less(w.processes[d.format].version):
		w.breaks("U8", "a write of %s landed in data of %s", p.version, w.processes[d.format].version)
	}
}
