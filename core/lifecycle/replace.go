package lifecycle

import "slices"

// replaceOthers notes whose routes come to the module, now that a version
// serves which says so (V10). It is a fact from then on, whatever later
// versions say.
func (s *step) replaceOthers() {
	v := s.r.Serving()
	if v == nil {
		return
	}
	for _, name := range v.Replaces {
		if at, found := slices.BinarySearch(s.r.Replaced, name); !found {
			s.r.Replaced = slices.Insert(slices.Clone(s.r.Replaced), at, name)
		}
	}
}

// yield forgets that the routes of the module of that name came to this one
// (V10). While it serves and says so, that is noted anew.
func (s *step) yield(name string) {
	if at, found := slices.BinarySearch(s.r.Replaced, name); found {
		s.r.Replaced = slices.Delete(slices.Clone(s.r.Replaced), at, at+1)
	}
}

// Replaces reports whether r says, in any version, that it replaces the module
// of that name, or did and still has its routes (V10).
func (r *Record) Replaces(name string) bool {
	return slices.Contains(r.Replaced, name) || slices.ContainsFunc(r.Versions, func(v Version) bool { return slices.Contains(v.Replaces, name) })
}
