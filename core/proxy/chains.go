package proxy

import (
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"
)

// chains remembers runs to one instance, and what each is with that hop more:
// callers come by few ways, and by each again and again. Nothing is decoded,
// signed and encoded for a run that is remembered.
type chains struct {
	seed  maphash.Seed
	slots [64]atomic.Pointer[chain]
}

// chain is what a run became. It never changes.
type chain struct {
	value  string // as it came; "": there was none
	origin string
	grown  string
}

func newChains() *chains { return &chains{seed: maphash.MakeSeed()} }

// appended is r.appended, where hop is always the same. What r is depends on
// who brings it, which is its origin or nobody.
func (c *chains) appended(dst []byte, r *run, origin, hop string) []byte {
	slot := &c.slots[maphash.Bytes(c.seed, r.value)%uint64(len(c.slots))]
	found := slot.Load()
	if found != nil && found.value == string(r.value) && found.origin == origin {
		return append(dst, found.grown...)
	}
	value, start := string(r.value), len(dst)
	dst = r.appended(dst, origin, hop)
	if found == nil || rand.Uint32()%8 == 0 { // else two that share a slot would drive each other out every time
		slot.Store(&chain{value, origin, string(dst[start:])})
	}
	return dst
}
