package hcl

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/module"
)

func (r *reader) modules(c *config.Config, blocks hcl.Blocks) {
	for _, b := range r.distinct(blocks, "") {
		m := c.Undeclared(b.Labels[0])
		path := "module." + m.Name
		r.places[path] = b.DefRange
		for _, v := range r.body(b.Body, path, m.Settings(), hcl.BlockHeaderSchema{Type: "version", LabelNames: []string{"version"}}) {
			if read, ok := r.version(v, pathOf(path, v), m.Probe); ok {
				m.Versions = append(m.Versions, read)
			}
		}
		slices.SortFunc(m.Versions, func(a, b config.Version) int { return a.Version.Compare(b.Version) })
		c.Modules = append(c.Modules, m)
	}
	slices.SortFunc(c.Modules, func(a, b config.Module) int { return strings.Compare(a.Name, b.Name) })
}

// version reads a version that is declared in full, whose module has that
// probe, and reports whether it is one.
func (r *reader) version(b *hcl.Block, path string, probe config.Probe) (v config.Version, ok bool) {
	v.Probe = probe
	var err error
	if v.Version, err = module.ParseVersion(b.Labels[0]); err != nil {
		r.found = append(r.found, placed(b.LabelRanges[0], "Wrong value", "%s", sentence(err))...)
		r.incomplete(strings.TrimSuffix(path, "."+b.Labels[0]), true)
	}
	blocks := r.body(b.Body, path, v.AllSettings(),
		hcl.BlockHeaderSchema{Type: "provides", LabelNames: []string{"id"}},
		hcl.BlockHeaderSchema{Type: "requires", LabelNames: []string{"id"}})
	for _, b := range blocks {
		id, at := b.Labels[0], pathOf(path, b)
		if b.Type == "provides" {
			p := config.Provided{Interface: module.Interface{ID: id}}
			r.body(b.Body, at, p.Settings())
			if r.failed[at] || r.failed[at+".version"] {
				r.failed["provides."+id] = true
			}
			v.Provides = append(v.Provides, p)
			continue
		}
		q := module.Requirement{ID: id, Scheme: v.Scheme}
		r.body(b.Body, at, config.RequirementSettings(&q))
		v.Requires = append(v.Requires, q)
	}
	slices.SortFunc(v.Provides, func(a, b config.Provided) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(v.Requires, func(a, b module.Requirement) int { return cmp.Compare(a.ID, b.ID) })
	return v, err == nil
}
