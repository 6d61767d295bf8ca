package hcl

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/module"
)

// modules reads the modules' blocks, on all processors.
func (r *reader) modules(c *config.Config, blocks hcl.Blocks) {
	blocks = r.distinct(blocks, "")
	parts := make([]*moduleReader, min(len(blocks), runtime.GOMAXPROCS(0)))
	inParallel(len(parts), func(i int) {
		parts[i] = newModuleReader(r)
		for _, b := range blocks[i*len(blocks)/len(parts) : (i+1)*len(blocks)/len(parts)] {
			parts[i].read(c, b)
		}
	})
	for _, p := range parts {
		r.add(&p.reader)
		c.Modules = append(c.Modules, p.modules...)
	}
	slices.SortFunc(c.Modules, func(a, b config.Module) int { return strings.Compare(a.Name, b.Name) })
}

// part returns a reader of a part of the same configuration, beside which
// others may read: the variables and local values are known. add takes over
// what it found.
func (r *reader) part() reader {
	ev := *r.evaluator
	ev.functions, ev.secret, ev.hidden = maps.Clone(ev.functions), nil, nil
	return reader{evaluator: &ev, sources: r.sources, failed: map[string]bool{}}
}

func (r *reader) add(part *reader) {
	r.found = append(r.found, part.found...)
	r.places.add(part.places)
	maps.Copy(r.failed, part.failed)
	r.secret = append(r.secret, part.secret...)
	r.hideTexts(part.hidden...)
	r.sensitive = append(r.sensitive, part.sensitive...)
}

// moduleReader reads modules one after the other.
type moduleReader struct {
	reader
	module      *form[config.Module]
	version     *form[config.Version]
	provided    *form[config.Provided]
	requirement *form[module.Requirement]
	modules     []config.Module
}

func newModuleReader(r *reader) *moduleReader {
	return &moduleReader{
		reader: r.part(),
		module: formOf((*config.Module).Settings, hcl.BlockHeaderSchema{Type: "version", LabelNames: []string{"version"}}),
		version: formOf((*config.Version).AllSettings,
			hcl.BlockHeaderSchema{Type: "provides", LabelNames: []string{"id"}},
			hcl.BlockHeaderSchema{Type: "requires", LabelNames: []string{"id"}}),
		provided:    formOf((*config.Provided).Settings),
		requirement: formOf(config.RequirementSettings),
	}
}

func (r *moduleReader) read(c *config.Config, b *hcl.Block) {
	m := &r.module.value
	*m = c.Undeclared(b.Labels[0])
	path := "module." + m.Name
	r.places.note(path, b.DefRange)
	for _, v := range r.body(b.Body, path, r.module.level) {
		if read, ok := r.readVersion(v, pathOf(path, v), m.Probe); ok {
			m.Versions = append(m.Versions, read)
		}
	}
	slices.SortFunc(m.Versions, func(a, b config.Version) int { return a.Version.Compare(b.Version) })
	r.modules = append(r.modules, *m)
}

// readVersion reads a version that is declared in full, whose module has that
// probe, and reports whether it is one.
func (r *moduleReader) readVersion(b *hcl.Block, path string, probe config.Probe) (config.Version, bool) {
	version, err := module.ParseVersion(b.Labels[0])
	if err != nil {
		r.found = append(r.found, placed(b.LabelRanges[0], "Wrong value", "%s", sentence(err))...)
		r.incomplete(strings.TrimSuffix(path, "."+b.Labels[0]), true)
	}
	v := &r.version.value
	*v = config.Version{Version: version, Probe: probe}
	for _, b := range r.body(b.Body, path, r.version.level) {
		id, at := b.Labels[0], pathOf(path, b)
		if b.Type == "provides" {
			r.provided.value = config.Provided{Interface: module.Interface{ID: id}}
			r.body(b.Body, at, r.provided.level)
			if r.failed[at] || r.failed[at+".version"] {
				r.failed["provides."+id] = true
			}
			v.Provides = append(v.Provides, r.provided.value)
			continue
		}
		r.requirement.value = module.Requirement{ID: id, Scheme: v.Scheme}
		r.body(b.Body, at, r.requirement.level)
		v.Requires = append(v.Requires, r.requirement.value)
	}
	slices.SortFunc(v.Provides, func(a, b config.Provided) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(v.Requires, func(a, b module.Requirement) int { return cmp.Compare(a.ID, b.ID) })
	return *v, err == nil
}
