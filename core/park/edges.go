package park

// edges counts, per holder's module, the requests of the holder that are
// parked at another module. Holders that wait for each other in a circle
// would wait for ever (U11).
type edges map[string]map[string]int

func (e edges) add(from, to string) {
	if e[from] == nil {
		e[from] = make(map[string]int)
	}
	e[from][to]++
}

func (e edges) drop(from, to string) {
	if e[from][to]--; e[from][to] > 0 {
		return
	}
	delete(e[from], to)
	if len(e[from]) == 0 {
		delete(e, from)
	}
}

// closes reports whether an edge from -> to would close a circle: whether
// from can be reached from to already.
func (e edges) closes(from, to string) bool {
	seen := make(map[string]bool)
	var reaches func(string) bool
	reaches = func(at string) bool {
		if at == from {
			return true
		}
		if seen[at] {
			return false
		}
		seen[at] = true
		for next := range e[at] {
			if reaches(next) {
				return true
			}
		}
		return false
	}
	return reaches(to)
}
