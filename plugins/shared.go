package plugins

import (
	"crypto/rand"
	"encoding/binary"
	"math"
	"sync"
	"time"
	"unicode/utf16"
)

// shared is what the instances of a plugin keep for each other, over its
// generations. It has no order: when it is full, what has expired makes room,
// and nothing else does.
type shared struct {
	bound int // bytes of keys, values and what keeping them costs; 0: nothing is kept

	mu     sync.Mutex
	values map[string]kept // guarded by mu
	size   int             // of values; guarded by mu
}

type kept struct {
	value []byte
	until time.Time // zero: for good
}

const keptCost = 64 // bytes to keep a value, beside key and value

func (k kept) expired(now time.Time) bool { return !k.until.IsZero() && now.After(k.until) }

// get appends the value under the key.
func (s *shared) get(dst, key []byte, now time.Time) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.values[string(key)]
	if !ok || k.expired(now) {
		return dst, false
	}
	return append(dst, k.value...), true
}

// set keeps a copy of value, for good or for ttl, and reports whether there is
// room for it. An empty value is forgotten.
func (s *shared) set(key, value []byte, ttl time.Duration, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(string(key))
	if len(value) == 0 {
		return true
	}
	cost := len(key) + len(value) + keptCost
	if s.size+cost > s.bound {
		for other, k := range s.values {
			if k.expired(now) {
				s.remove(other)
			}
		}
	}
	if s.size+cost > s.bound {
		return false
	}
	k := kept{value: append([]byte(nil), value...)}
	if ttl > 0 {
		k.until = now.Add(ttl)
	}
	if s.values == nil {
		s.values = map[string]kept{}
	}
	s.values[string(key)] = k
	s.size += cost
	return true
}

// remove forgets what is under the key. The caller holds mu.
func (s *shared) remove(key string) {
	if k, ok := s.values[key]; ok {
		s.size -= len(key) + len(k.value) + keptCost
		delete(s.values, key)
	}
}

func (c *call) kvGet(s []uint64) {
	b, ok := c.i.g.p.shared.get(c.scratch[:0], c.view(s[0], s[1]), time.Now())
	c.scratch = b
	if !ok {
		s[0] = signed(absent)
		return
	}
	s[0] = c.put(s[2], s[3], b)
}

func (c *call) kvSet(s []uint64) {
	ttl := time.Duration(uint32(s[4])) * time.Millisecond
	ok := c.i.g.p.shared.set(c.view(s[0], s[1]), c.view(s[2], s[3]), ttl, time.Now())
	s[0] = 0
	if !ok {
		s[0] = signed(full)
	}
}

// seed returns a number that nobody can foresee.
func seed(_ *call, s []uint64) {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	s[0] = math.Float64bits(float64(binary.LittleEndian.Uint64(b[:]) >> 11))
}

// utf16 returns a string of AssemblyScript, whose length in bytes stands before
// it.
func (c *call) text16(ptr uint64) string {
	at := uint32(ptr)
	if at < 4 {
		return ""
	}
	n, ok := c.memory.ReadUint32Le(at - 4)
	b, readable := c.memory.Read(at, min(n, maxLine))
	if !ok || !readable {
		return ""
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
