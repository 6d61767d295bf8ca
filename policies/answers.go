package policies

import (
	"encoding/binary"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// keyRoom is how long a key may be. A longer one, of raw values that long, is
// not stored: such requests are evaluated, within the module's meter.
const keyRoom = 256

// key is what a decision depends on: answers of predicates, and raw values.
type key struct {
	bits uint64
	raw  []byte
	hash uint64
}

// probe makes keys.
type probe struct {
	tables []table     // of text: equality and membership, all of a field at once
	rest   []predicate // the others
	bits   []uint64    // theirs
	raw    []field
	seed   maphash.Seed
}

// table has the bits of all predicates that are true of a text.
type table struct {
	field field
	few   []word // instead of many
	many  map[string]uint64
}

type word struct {
	text string
	bits uint64
}

// mostFew is up to how many words are looked through in order.
const mostFew = 6

func newProbe(f *findings) probe {
	p := probe{raw: f.raw, seed: maphash.MakeSeed()}
	of := map[field]map[string]uint64{}
	var order []field
	if f.bypass != "" {
		return probe{}
	}
	for i, q := range f.predicates {
		bit := uint64(1) << i
		if fields[q.field].kind != textual || q.test != equals && q.test != isAmong {
			p.rest = append(p.rest, q)
			p.bits = append(p.bits, bit)
			continue
		}
		if of[q.field] == nil {
			of[q.field] = map[string]uint64{}
			order = append(order, q.field)
		}
		words := q.list
		if q.test == equals {
			words = []string{q.text}
		}
		for _, w := range words {
			of[q.field][w] |= bit
		}
	}
	for _, f := range order {
		p.tables = append(p.tables, newTable(f, of[f]))
	}
	return p
}

func newTable(f field, bits map[string]uint64) table {
	t := table{field: f}
	if len(bits) > mostFew {
		t.many = bits
		return t
	}
	for s, b := range bits {
		t.few = append(t.few, word{s, b})
	}
	return t
}

func (t *table) bits(s string) uint64 {
	if t.many != nil {
		return t.many[s]
	}
	for i := range t.few {
		if t.few[i].text == s {
			return t.few[i].bits
		}
	}
	return 0
}

// key returns q's key, whose raw part is in room; false if it is too long.
func (p *probe) key(room []byte, q *fallback.Query, zone *time.Location) (k key, ok bool) {
	for i := range p.tables {
		t := &p.tables[i]
		k.bits |= t.bits(t.field.text(q, zone))
	}
	for i := range p.rest {
		if p.rest[i].holds(q, zone) {
			k.bits |= p.bits[i]
		}
	}
	k.hash = k.bits * 0x9E3779B97F4A7C15
	k.hash ^= k.hash >> 29
	if len(p.raw) == 0 {
		return k, true
	}
	for _, f := range p.raw {
		if room, ok = f.append(room, q, zone); !ok {
			return k, false
		}
	}
	k.raw = room
	k.hash ^= maphash.Bytes(p.seed, room)
	return k, true
}

// append appends f's value, so that no two lists of values look the same. It
// is false if there is no room.
func (f field) append(room []byte, q *fallback.Query, zone *time.Location) ([]byte, bool) {
	switch fields[f].kind {
	case boolean:
		if f.flag(q) {
			return append(room, 1), len(room)+1 <= keyRoom
		}
		return append(room, 0), len(room)+1 <= keyRoom
	case numeric:
		if len(room)+8 > keyRoom {
			return room, false
		}
		return binary.LittleEndian.AppendUint64(room, uint64(f.number(q, zone))), true
	default:
		s := f.text(q, zone)
		if len(room)+2+len(s) > keyRoom {
			return room, false
		}
		room = binary.LittleEndian.AppendUint16(room, uint16(len(s)))
		return append(room, s...), true
	}
}

// answers stores decisions by key: a set of slots, four to a key, each an
// atomic pointer. Readers never wait; who stores last wins.
type answers struct {
	only  atomic.Pointer[fallback.Decision] // where all keys are one
	slots []atomic.Pointer[stored]          // nil where all keys are one
	whole bool                              // all keys are one
}

type stored struct {
	bits     uint64
	raw      string
	decision fallback.Decision
}

const (
	slotCount = 256
	ways      = 4
)

func newAnswers(f *findings) *answers {
	a := &answers{}
	switch {
	case f.bypass != "":
	case len(f.predicates) == 0 && len(f.raw) == 0:
		a.whole = true
	default:
		a.slots = make([]atomic.Pointer[stored], slotCount)
	}
	return a
}

func (a *answers) find(k key) *fallback.Decision {
	if a.slots == nil {
		return nil
	}
	for i := range uint64(ways) {
		if s := a.slots[(k.hash+i)%slotCount].Load(); s != nil && s.bits == k.bits && s.raw == string(k.raw) {
			return &s.decision
		}
	}
	return nil
}

// put stores d for the key of q.
func (a *answers) put(p probe, q *fallback.Query, zone *time.Location, d *fallback.Decision) {
	if a.whole {
		a.only.Store(d)
		return
	}
	k, ok := p.key(make([]byte, 0, keyRoom), q, zone)
	if !ok {
		return
	}
	s := &stored{k.bits, string(k.raw), *d}
	for i := range uint64(ways) {
		if a.slots[(k.hash+i)%slotCount].CompareAndSwap(nil, s) {
			return
		}
	}
	a.slots[(k.hash+k.hash>>40%ways)%slotCount].Store(s)
}
