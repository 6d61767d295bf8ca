package proxy

import (
	"sync"

	"github.com/modgate/modgate/core/route"
)

// Streams are the upgraded connections and event streams: runs without an end
// of their own, which must not hold a grace (V8). The zero value has none.
type Streams struct {
	mu sync.Mutex
	of map[*route.Instance]*streamsOf // that have streams, or must have none; guarded by mu, with all that is in them
}

type streamsOf struct {
	over bool                 // none may be
	open map[*func()]struct{} // what ends them
}

// End ends the streams of i, and those that begin before Admit.
func (s *Streams) End(i *route.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.at(i)
	all.over = true
	for end := range all.open {
		(*end)()
	}
	all.open = nil
}

// Admit lets streams of i begin again, or forgets it.
func (s *Streams) Admit(i *route.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.of[i]; all != nil {
		all.over = false
		s.tidy(i, all)
	}
}

// begin notes that a stream of i begins, and returns what notes that it has
// ended. end is called, once at most, when it must: on any goroutine, perhaps
// before begin returns; it must not block.
func (s *Streams) begin(i *route.Instance, end func()) (ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.at(i)
	if all.over {
		end()
		return func() {}
	}
	if all.open == nil {
		all.open = make(map[*func()]struct{})
	}
	all.open[&end] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(all.open, &end)
		s.tidy(i, all)
	}
}

// at returns what is known of i. The caller holds mu.
func (s *Streams) at(i *route.Instance) *streamsOf {
	if s.of == nil {
		s.of = make(map[*route.Instance]*streamsOf)
	}
	all := s.of[i]
	if all == nil {
		all = &streamsOf{}
		s.of[i] = all
	}
	return all
}

// tidy forgets i if there is nothing to remember. The caller holds mu.
func (s *Streams) tidy(i *route.Instance, all *streamsOf) {
	if !all.over && len(all.open) == 0 && s.of[i] == all {
		delete(s.of, i)
	}
}
