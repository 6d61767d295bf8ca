package api

import (
	"sync"

	"github.com/modgate/modgate/core/control"
)

// feedSize bounds what the feed remembers.
const feedSize = 4096

// happening is a control.Happening under its number in the feed.
type happening struct {
	ID uint64 `json:"id"`
	control.Happening
}

// Feed remembers the latest happenings and wakes who follows them. The zero
// value is empty.
//
// Ids rise, over restarts of the gateway too: the first is the time in
// microseconds.
type Feed struct {
	mu    sync.Mutex
	first uint64        // id of the first ever; guarded by mu, as below
	last  uint64        // id of the latest
	ring  []happening   // ring[id % feedSize]
	more  chan struct{} // closed by the next Observe; nil: nobody follows
}

// Observe enters what happened. It does not block.
func (f *Feed) Observe(h control.Happening) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		f.ring = make([]happening, feedSize)
		f.last = uint64(h.Time.UnixMicro())
		f.first = f.last + 1
	}
	f.last++
	f.ring[f.last%feedSize] = happening{f.last, h}
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// since returns what followed id, oldest first; whether some of it is
// forgotten; and what is closed when there is more.
func (f *Feed) since(id uint64) (out []happening, gap bool, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldest := f.oldest()
	for i := max(id+1, oldest); i <= f.last; i++ {
		out = append(out, f.ring[i%feedSize])
	}
	if f.more == nil {
		f.more = make(chan struct{})
	}
	return out, id+1 < oldest, f.more
}

// oldest returns the id of the first happening that is remembered. The caller
// holds mu.
func (f *Feed) oldest() uint64 {
	if f.last < feedSize {
		return f.first
	}
	return max(f.first, f.last-feedSize+1)
}

// latest returns the id of the latest happening, 0 before there is one.
func (f *Feed) latest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}
