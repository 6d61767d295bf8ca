package hcl

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/modgate/modgate/core/config"
)

// check adds what config finds wrong with the values, and the folders do not
// have, at the place of the likeliest setting that was written, else of the
// block around it.
func (r *reader) check(c *config.Config) {
	if r.partial {
		r.mayBeElsewhere(c)
	}
	unread := r.unread()
	for _, p := range append(c.Check(), missing(c)...) {
		if unread.void(p) {
			continue
		}
		d := hcl.Diagnostic{Severity: hcl.DiagError, Summary: p.Summary, Detail: p.Detail + didYouMean(p.Word, p.Words)}
		if p.Warning {
			d.Severity = hcl.DiagWarning
		}
		if at, ok := r.placeOf(p.At); ok {
			d.Subject = &at
		}
		r.found = append(r.found, &d)
	}
}

// unread lists config's paths of what could not be read, sorted. Blocks are in
// it of which something may be missing, and "providers" if that may be
// somebody who provides something.
type unread []string

func (r *reader) unread() unread {
	return slices.Sorted(maps.Keys(r.failed))
}

// incomplete notes that something in the block of path was not read, and
// whether that may provide what others require.
func (r *reader) incomplete(path string, provider bool) {
	r.failed[path] = true
	if provider {
		r.failed["providers"] = true
	}
}

// isProvider reports whether such a block may provide what others require.
func isProvider(blockType string) bool {
	return slices.Contains([]string{"module", "version", "provides"}, blockType)
}

// mayBeElsewhere notes what of c may be written in what could not be read:
// whoever provides something or replaces somebody, blocks that nobody has
// written, and what modules have of these.
func (r *reader) mayBeElsewhere(c *config.Config) {
	r.failed["providers"] = true
	var gateway, defaults bool
	if _, written := r.places.of("gateway"); !written {
		gateway = true
		r.failed["gateway"] = true
		r.unwritten("gateway", c.Gateway.Settings())
	}
	if _, written := r.places.of("defaults"); !written {
		defaults = true
	}
	for i := range c.Modules {
		m := &c.Modules[i]
		at := "module." + m.Name
		if gateway {
			r.unwritten(at, m.Parking.Settings())
		}
		if defaults {
			r.unwritten(at, m.Defaults.Settings())
		}
		for j := range m.Versions {
			v := &m.Versions[j]
			for _, s := range v.Probe.Settings() {
				if r.failed[at+"."+s.Name] {
					r.unwritten(at+".version."+v.Version.String(), []config.Setting{s})
				}
			}
		}
		for _, name := range m.Replaces {
			if _, written := r.places.of("module." + name); !written {
				r.failed["module."+name] = true
			}
		}
	}
}

// unwritten notes the settings of the block of path that were not written.
func (r *reader) unwritten(path string, settings []config.Setting) {
	for _, s := range settings {
		if _, written := r.places.of(path + "." + s.Name); !written {
			r.failed[path+"."+s.Name] = true
		}
	}
}

// void reports whether p only follows from what could not be read, which has
// been reported. Of a warning this goes further: it may be about what is there
// and was not read.
func (u unread) void(p config.Problem) bool {
	return slices.ContainsFunc(slices.Concat(p.At, p.Rests), func(path string) bool {
		block := path[:max(0, strings.LastIndexByte(path, '.'))]
		return u.has(path) || p.Warning && (u.below(path) || u.has(block))
	})
}

func (u unread) has(path string) bool {
	_, ok := slices.BinarySearch(u, path)
	return ok
}

func (u unread) below(path string) bool {
	i, _ := slices.BinarySearch(u, path+".")
	return i < len(u) && strings.HasPrefix(u[i], path+".")
}

func (r *reader) placeOf(paths []string) (hcl.Range, bool) {
	for _, p := range paths {
		if at, ok := r.places.of(p); ok {
			return at, true
		}
	}
	for p := paths[0]; ; {
		i := strings.LastIndexByte(p, '.')
		if i < 0 {
			return hcl.Range{}, false
		}
		if at, ok := r.places.of(p[:i]); ok {
			return at, true
		}
		p = p[:i]
	}
}
