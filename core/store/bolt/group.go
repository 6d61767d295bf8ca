package bolt

import (
	"errors"

	"go.etcd.io/bbolt"

	"github.com/modgate/modgate/core/store"
)

// swapping is a Swap under way.
type swapping struct {
	space, key string
	value      []byte
	expect     store.Revision

	next store.Revision // once it is done
	err  error          // likewise
}

// group is the swaps that one transaction does, since it is the fdatasync at
// its end that takes the time. It gathers while another transaction is under
// way, and only then.
type group struct {
	swaps []*swapping   // guarded by File.mu until the transaction has begun
	done  chan struct{} // closed when they are
}

// commit returns when s is done. The first of a group begins its transaction,
// which waits for the one before.
func (f *File) commit(s *swapping) {
	f.mu.Lock()
	g := f.gather
	first := g == nil
	if first {
		g = &group{done: make(chan struct{})}
		f.gather = g
	}
	g.swaps = append(g.swaps, s)
	f.mu.Unlock()
	if !first {
		<-g.done
		return
	}
	defer close(g.done)
	err := f.db.Update(func(tx *bbolt.Tx) error { return apply(tx, f.close(g)) })
	if errors.Is(err, errUnchanged) {
		return
	}
	if err != nil { // of the engine: it changed nothing, or nobody knows
		for _, s := range f.close(g) {
			s.next, s.err = 0, err
		}
	}
}

// close lets nobody join g any more, and returns who did.
func (f *File) close(g *group) []*swapping {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gather == g {
		f.gather = nil
	}
	return g.swaps
}

// errUnchanged ends a transaction that has nothing to write.
var errUnchanged = errors.New("no swap changed anything")

// apply does each swap by itself: one that fails has changed no record, and
// leaves the others alone.
func apply(tx *bbolt.Tx, swaps []*swapping) error {
	changed := false
	for _, s := range swaps {
		s.next, s.err = swap(tx, s.space, s.key, s.value, s.expect)
		changed = changed || s.err == nil
	}
	if !changed {
		return errUnchanged
	}
	return nil
}
