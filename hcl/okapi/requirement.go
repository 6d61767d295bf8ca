package okapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modgate/modgate/core/module"
)

// requirement is a reference as the language says it.
type requirement struct {
	id, versions string
	optional     bool
}

// requirements lists what d needs, each id once, and notes what changed.
func (d *Descriptor) requirements() (out []requirement, notes []string, err error) {
	for i, list := range [][]reference{d.Requires, d.Optional} {
		for _, ref := range list {
			q := requirement{ref.ID, alternatives(ref.Version), i == 1}
			if q.versions != ref.Version {
				notes = append(notes, fmt.Sprintf("requirement %s %q: Okapi reads it as %q", ref.ID, ref.Version, q.versions))
			}
			if strings.Count(q.versions, ".") > len(strings.Fields(q.versions)) {
				notes = append(notes, fmt.Sprintf("requirement %s %q: Okapi does not count X.Y as X.Y.0, the gateway does", ref.ID, q.versions))
			}
			if err := check(q); err != nil {
				return nil, nil, fmt.Errorf("%s requires %s: %w", d.ID, ref.ID, err)
			}
			if slices.ContainsFunc(out, func(o requirement) bool { return o.id == q.id }) {
				notes = append(notes, fmt.Sprintf("requirement %s %q: it is there twice; the first counts", q.id, ref.Version))
				continue
			}
			out = append(out, q)
		}
	}
	return out, notes, nil
}

func check(q requirement) error {
	if err := module.CheckInterface(q.id); err != nil {
		return err
	}
	_, err := module.ParseRange(q.versions, module.FOLIO)
	return err
}

// alternatives returns what Okapi reads of a required version: two spaces end
// the list, and of one major the first decides, so that a lower one after it
// has no effect.
func alternatives(version string) string {
	list, _, _ := strings.Cut(strings.TrimSpace(version), "  ")
	var kept []string
	for _, alt := range strings.Fields(list) {
		major, _, _ := strings.Cut(alt, ".")
		higher := slices.ContainsFunc(kept, func(k string) bool {
			m, _, _ := strings.Cut(k, ".")
			r, err := module.ParseRange(k, module.FOLIO)
			return m == major && err == nil && !r.Admits(alt)
		})
		if !higher {
			kept = append(kept, alt)
		}
	}
	return strings.Join(kept, " ")
}
