package hcl

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/modgate/modgate/core/config"
)

// reader turns sources into a configuration. What it finds wrong it
// collects, and goes on.
type reader struct {
	*evaluator
	sources []source
	found   hcl.Diagnostics
	places  places          // of what was written
	failed  map[string]bool // what could not be read, or, of a block, not as a whole, by config's path

	sensitive []string // paths of settings whose value a sensitive variable has a part in
}

// read is Load after the files were read; found is what was wrong so far.
// Relative to home is what no file says. Texts that are no part of the
// configuration are only shown.
func read(sources []source, found hcl.Diagnostics, home string, around surroundings, texts ...source) (*config.Config, Diagnostics) {
	r := reader{
		evaluator: newEvaluator(around), sources: sources, found: found,
		failed: map[string]bool{},
	}
	c := config.Default()
	blocks := r.blocks()
	r.declareVariables(blocks["variable"])
	r.declareLocals(blocks["locals"])
	r.gateway(&c, blocks, home)
	r.modules(&c, blocks["module"])
	r.processes(&c, blocks["process"])
	r.sinks(&c, blocks["alert"])
	r.check(&c)
	slices.Sort(r.sensitive)
	c.Sensitive = r.sensitive
	ds := report(r.found, slices.Concat(sources, texts), r.secret, r.hidden)
	if ds.HasErrors() {
		return nil, ds
	}
	return &c, ds
}

// blocks returns the outermost blocks of all sources by type, without those
// that have errors of syntax.
func (r *reader) blocks() map[string]hcl.Blocks {
	all := map[string]hcl.Blocks{}
	for _, s := range parseAll(r.sources) {
		r.found, r.secret = append(r.found, s.found...), append(r.secret, s.secret...)
		r.partial = r.partial || s.found.HasErrors()
		if s.body == nil {
			continue
		}
		for _, block := range r.blockContent(s.body, topLevel(), "").Blocks {
			all[block.Type] = append(all[block.Type], block)
		}
	}
	return all
}

func (r *reader) declareVariables(blocks hcl.Blocks) {
	for _, b := range r.distinct(blocks, "") {
		c := r.content(b.Body, variableBody())
		from, found := r.declareVariable(b.Labels[0], c, b.DefRange)
		if r.found = append(r.found, found...); !found.HasErrors() {
			r.validate(b.Labels[0], c.Blocks, from)
		}
	}
	r.found = append(r.found, r.undeclared()...)
}

func (r *reader) declareLocals(blocks hcl.Blocks) {
	var names []string
	for _, b := range blocks {
		attrs, found := b.Body.JustAttributes()
		r.found = append(r.found, found...)
		for name, a := range attrs {
			if first, ok := r.pending[name]; ok {
				r.found = append(r.found, placed(a.NameRange, "Declared twice", "local.%s is declared at %s already.", name, place(first.NameRange))...)
				continue
			}
			r.pending[name] = a
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if _, ok := r.locals[name]; !ok {
			_, found := r.local(name, r.pending[name].NameRange)
			r.found = append(r.found, found...)
		}
	}
}

func (r *reader) gateway(c *config.Config, blocks map[string]hcl.Blocks, home string) {
	for _, b := range r.distinct(blocks["gateway"], "") {
		home = folderAt(b.DefRange)
		r.body(b.Body, "gateway", levelOf(c.Gateway.Settings()))
		r.places.note("gateway", b.DefRange)
	}
	for _, b := range r.distinct(blocks["defaults"], "") {
		r.body(b.Body, "defaults", levelOf(c.Defaults.Settings()))
		r.places.note("defaults", b.DefRange)
	}
	if _, written := r.places.of("gateway.data_dir"); !written {
		if dir, err := inFolder(c.Gateway.DataDir, home); err == nil {
			c.Gateway.DataDir = dir
		}
	}
}

func (r *reader) processes(c *config.Config, blocks hcl.Blocks) {
	for _, b := range r.distinct(blocks, "") {
		p := config.DefaultProcess(b.Labels[0])
		path := "process." + p.Name
		r.body(b.Body, path, levelOf(p.Settings()))
		r.places.note(path, b.DefRange)
		if p.Dir == "" {
			p.Dir, _ = inFolder(".", folderAt(b.DefRange)) // without a working folder, ours
		}
		c.Processes = append(c.Processes, p)
	}
	slices.SortFunc(c.Processes, func(a, b config.Process) int { return strings.Compare(a.Name, b.Name) })
}

func (r *reader) sinks(c *config.Config, blocks hcl.Blocks) {
	for _, b := range r.distinct(blocks, "") {
		s := config.DefaultSink(b.Labels[0])
		r.body(b.Body, "alert."+s.Name, levelOf(s.Settings()))
		r.places.note("alert."+s.Name, b.DefRange)
		c.Sinks = append(c.Sinks, s)
	}
	slices.SortFunc(c.Sinks, func(a, b config.Sink) int { return strings.Compare(a.Name, b.Name) })
}

// distinct returns the blocks, in the block of path, without those that repeat
// an earlier one of the same type and labels, which it reports.
func (r *reader) distinct(blocks hcl.Blocks, path string) hcl.Blocks {
	first := map[string]hcl.Range{}
	return slices.DeleteFunc(slices.Clone(blocks), func(b *hcl.Block) bool {
		what := b.Type
		for _, l := range b.Labels {
			what += " \"" + l + "\""
		}
		at, again := first[what]
		if again {
			r.found = append(r.found, placed(b.DefRange, "Declared twice", "%s is declared at %s already; merge the two blocks, or drop one.", what, place(at))...)
			r.incomplete(pathOf(path, b), isProvider(b.Type))
		} else {
			first[what] = b.DefRange
		}
		return again
	})
}
