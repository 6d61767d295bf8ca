package witness

import "time"

// data is what a module keeps, fenced as its authors are told to (U8): a write
// bears an epoch and is refused below the highest that wrote.
type data struct {
	fence  uint64
	format string // token of who restructured it last, or does so now
	busy   bool   // it does so now

	resumed  string // the token of a holder that an administrator let serve: it may not know, and restructure
	dropped  uint64 // the epoch in which the module was forgotten with its UPDATE: from the next on others may write
	promoted uint64 // the epoch in which an administrator gave the data to a version
	lossy    bool   // one accepted that older versions lose some, until the next restructuring
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
	w.owns(p, token, epoch, d)
	return true
}

// Restructure is a holder's first write.
func (w *Witness) Restructure(token string, epoch uint64) bool {
	p := w.processes[token]
	d := &w.module(p.module).data
	if !d.accepts(epoch) {
		return false
	}
	if epoch < d.promoted || token == d.resumed {
		return true
	}
	if d.format != "" && !d.lossy && p.version.Less(w.processes[d.format].version) {
		w.breaks("U8", "%s restructures data of %s", p.instance, w.processes[d.format].version)
	}
	d.format, d.busy, d.lossy, d.dropped = token, true, false, 0
	return true
}

// Restructured is its last.
func (w *Witness) Restructured(token string, epoch uint64) bool {
	p := w.processes[token]
	d := &w.module(p.module).data
	if !d.accepts(epoch) {
		return false
	}
	w.owns(p, token, epoch, d)
	d.busy = d.busy && d.format != token
	return true
}

// owns: of the writes that land, all are of one owner at a time.
func (w *Witness) owns(p *process, token string, epoch uint64, d *data) {
	switch {
	case d.format == "", epoch < d.promoted, token == d.resumed:
	case d.busy && d.format != token && d.dropped > 0 && epoch > d.dropped:
		d.busy, d.dropped = false, 0
	case d.busy && d.format != token:
		w.breaks("U8", "a write of %s landed while %s restructures", p.instance, w.processes[d.format].instance)
	case !d.lossy && p.version.Less(w.processes[d.format].version):
		w.breaks("U8", "a write of %s landed in data of %s", p.version, w.processes[d.format].version)
	}
}
