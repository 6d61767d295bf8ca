package lifecycletest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/message"
)

// planes are the data planes of several gateways, as far as the first seat of
// the world goes: what is true of one process is true of each. Nil in a world
// of one gateway, whose picture is the record.
type planes []seen

// seen is what one gateway knows of one process. It may be late: the record
// went on, and the gateway has not read it yet.
type seen struct {
	token  string // of the process
	opens  bool   // new requests enter
	drains uint64 // the turn of the drain under way; only what is inside goes on
	run    bool   // a run is in flight
}

// read returns what a gateway has after it read r: of the same process its
// run goes on.
func read(w World, old seen, r *lifecycle.Record) seen {
	_, i := r.Find(w.Seats[0].ID)
	if i == nil {
		return seen{}
	}
	now := seen{token: string(i.Token), run: old.run && old.token == string(i.Token)}
	switch {
	case i.Phase == message.Serving || i.Phase == message.Updating:
		now.opens = true
	case i.DrainTurn != 0 && !i.Drained:
		now.drains = i.DrainTurn
	case !now.run:
		return seen{}
	}
	return now
}

// moves lists what may happen on the data planes: a gateway reads the record,
// a request enters or ends.
func (ps planes) moves(w World, r *lifecycle.Record) (next []state) {
	put := func(g int, s seen, words ...any) {
		all := slices.Clone(ps)
		all[g] = s
		next = append(next, state{planes: all, move: move{name: append(words, "at", w.Gateways[g])}})
	}
	for g, s := range ps {
		if now := read(w, s, r); now != s {
			put(g, now, "the record is read")
		}
		if s.opens || s.run {
			s.run = !s.run
			put(g, s, "run of", w.Seats[0].ID, s.run)
		}
	}
	return next
}

// reports lists what gateways may say now: that no run is left in the drain
// that they know of. Of other seats each may say so at any time.
func (ps planes) reports(w World, r *lifecycle.Record) (all []lifecycle.Drained) {
	for g, s := range ps {
		if s.drains != 0 && !s.run {
			all = append(all, lifecycle.Drained{Instance: w.Seats[0].ID, Turn: s.drains, Node: w.Gateways[g]})
		}
		for _, seat := range w.Seats[1:] {
			if _, i := r.Find(seat.ID); i != nil && i.DrainTurn != 0 {
				all = append(all, lifecycle.Drained{Instance: seat.ID, Turn: i.DrainTurn, Node: w.Gateways[g]})
			}
		}
	}
	return all
}

// finished: who is done by what gateways reported has no run left at any of
// them, however late some of them are (G4).
func (ps planes) finished(env lifecycle.Env, a *lifecycle.Record, ev lifecycle.Event, b *lifecycle.Record) error {
	report, is := ev.(lifecycle.Drained)
	if !is {
		return nil
	}
	was, i := a.Find(report.Instance)
	_, now := b.Find(report.Instance)
	over := !was.Drain.Until.IsZero() && !env.Now.Before(was.Drain.Until) || !i.Leaving.IsZero() && !env.Now.Before(i.Leaving)
	if !inUse(i) || over || now != nil && inUse(now) {
		return nil
	}
	for g, s := range ps {
		if s.run && s.token == string(i.Token) {
			return fmt.Errorf("%s counts as done, and has a run at gateway %d", i.ID, g)
		}
	}
	return nil
}

// after returns ps when r is the record: what belongs to a process that is
// there no more is forgotten.
func (ps planes) after(w World, r *lifecycle.Record) planes {
	all := slices.Clone(ps)
	_, i := r.Find(w.Seats[0].ID)
	for g, s := range all {
		if i == nil || string(i.Token) != s.token {
			all[g] = seen{}
		}
	}
	return all
}

// key is what can be told apart of ps: a drain is the present one or a past
// one, which gateway is which is no matter.
func (ps planes) key(w World, r *lifecycle.Record) key {
	keys := make([]string, len(ps))
	_, first := r.Find(w.Seats[0].ID)
	for g, s := range ps {
		current := first != nil && s.drains == first.DrainTurn
		b := []byte{byte(bit(s.opens) | bit(s.drains != 0)<<1 | bit(current && s.drains != 0)<<2 | bit(s.run)<<3)}
		for _, seat := range w.Seats {
			_, i := r.Find(seat.ID)
			b = append(b, byte(bit(i != nil && slices.Contains(i.DrainedBy, w.Gateways[g]))))
		}
		keys[g] = string(b)
	}
	slices.Sort(keys)
	return key(strings.Join(keys, ""))
}
