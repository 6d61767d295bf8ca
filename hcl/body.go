package hcl

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// level is what a body may hold: attributes, which are settings, and blocks
// of more.
type level struct {
	attributes []config.Setting
	blocks     []string
	below      map[string]*level // by block
	schema     hcl.BodySchema    // those of labelled blocks included
}

// levelOf sorts settings by the first part of their names. Beside them the
// body may hold labelled blocks.
func levelOf(settings []config.Setting, labelled ...hcl.BlockHeaderSchema) *level {
	l := level{below: map[string]*level{}}
	inner := map[string][]config.Setting{}
	for _, s := range settings {
		block, name, nested := strings.Cut(s.Name, ".")
		if !nested {
			l.attributes = append(l.attributes, s)
			l.schema.Attributes = append(l.schema.Attributes, hcl.AttributeSchema{Name: s.Name, Required: s.Required})
			continue
		}
		if inner[block] == nil {
			l.blocks = append(l.blocks, block)
			l.schema.Blocks = append(l.schema.Blocks, hcl.BlockHeaderSchema{Type: block})
		}
		s.Name = name
		inner[block] = append(inner[block], s)
	}
	for block, settings := range inner {
		l.below[block] = levelOf(settings)
	}
	l.schema.Blocks = append(l.schema.Blocks, labelled...)
	return &l
}

// form is a value that blocks of one type are read into, one after the other,
// so that its settings are sorted once.
type form[T any] struct {
	value T
	level *level // of value
}

func formOf[T any](settings func(*T) []config.Setting, labelled ...hcl.BlockHeaderSchema) *form[T] {
	f := new(form[T])
	f.level = levelOf(settings(&f.value), labelled...)
	return f
}

// topLevel is what a file holds.
func topLevel() hcl.BodySchema {
	return hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "gateway"},
		{Type: "defaults"},
		{Type: "module", LabelNames: []string{"name"}},
		{Type: "process", LabelNames: []string{"name"}},
		{Type: "alert", LabelNames: []string{"name"}},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "locals"},
	}}
}

// variableBody is what a variable block holds.
func variableBody() hcl.BodySchema {
	return hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "type"}, {Name: "default"}, {Name: "description"}, {Name: "sensitive"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "validation"}},
	}
}

// body reads the settings of a level from a body and returns its labelled
// blocks, each once. path is config's, of the block.
func (r *reader) body(b hcl.Body, path string, l *level) hcl.Blocks {
	content := r.blockContent(b, l.schema, path)
	for _, s := range l.attributes {
		if a, ok := content.Attributes[s.Name]; ok {
			r.attribute(s, path+"."+s.Name, a)
		} else if s.Required { // which content reported
			r.failed[path+"."+s.Name] = true
		}
	}
	var rest hcl.Blocks
	for _, block := range r.distinct(content.Blocks, path) {
		below := pathOf(path, block)
		r.places.note(below, block.DefRange)
		if len(block.Labels) > 0 {
			rest = append(rest, block)
		} else {
			r.body(block.Body, below, l.below[block.Type])
		}
	}
	return rest
}

// attribute gives the setting at that path its value, and notes where it
// stands.
func (r *reader) attribute(s config.Setting, at string, a *hcl.Attribute) {
	r.places.note(at, a.Range)
	switch s.Value.(type) {
	case *config.Secret:
		r.secret = append(r.secret, a.Range)
	case *[]string, *[]message.Route:
		r.places.noteElements(at, a.Expr)
	}
	if !r.set(s, at, a) {
		r.failed[at] = true
	}
}

// pathOf returns config's path of a block in the block of path.
func pathOf(path string, b *hcl.Block) string {
	return strings.TrimPrefix(strings.Join(append([]string{path, b.Type}, b.Labels...), "."), ".")
}

// set gives the setting at that path its value. A null leaves it as it is.
func (r *reader) set(s config.Setting, at string, a *hcl.Attribute) bool {
	v, found := r.value(a.Expr)
	r.found = append(r.found, found...)
	switch {
	case !v.IsWhollyKnown(): // what made it so has been reported
		return false
	case v.ContainsMarked():
		v, _ = v.UnmarkDeep()
		r.hide(v)
		r.sensitive = append(r.sensitive, at)
	}
	switch {
	case v.IsNull():
		return true
	}
	if err := assign(s, v, folderAt(a.Range)); err != nil {
		r.found = append(r.found, placed(a.Expr.Range(), "Wrong value", "%s: %s", s.Name, sentence(err))...)
		return false
	}
	return true
}

// blockContent is content of the block of path, of which it notes if something
// is not known.
func (r *reader) blockContent(b hcl.Body, schema hcl.BodySchema, path string) *hcl.BodyContent {
	before := len(r.found)
	content := r.content(b, schema)
	for _, d := range r.found[before:] {
		switch attribute := d.Summary == "Missing required argument" || d.Summary == "Unsupported argument" && !strings.Contains(d.Detail, "block"); {
		case path != "":
			r.incomplete(path, !attribute && strings.HasPrefix(path, "module."))
		case !attribute:
			r.incomplete("gateway", true) // it may be any block
		}
	}
	return content
}

// content returns what of the body the schema knows, and reports the rest.
func (r *reader) content(b hcl.Body, schema hcl.BodySchema) *hcl.BodyContent {
	content, found := b.Content(&schema)
	for _, d := range found {
		if d.Subject != nil && isUnknown(d.Summary) && !strings.Contains(d.Detail, "Did you mean") {
			d.Detail += r.advice(*d.Subject, schema)
		}
	}
	r.found = append(r.found, found...)
	return content
}

// isUnknown reports whether hcl means by summary that a word is none of the
// schema's.
func isUnknown(summary string) bool {
	return slices.Contains([]string{"Unsupported argument", "Unsupported block type", "Extraneous JSON object property"}, summary)
}

// advice says what may be meant by the unknown word at at.
func (r *reader) advice(at hcl.Range, schema hcl.BodySchema) string {
	var words []string
	for _, a := range schema.Attributes {
		words = append(words, a.Name)
	}
	for _, b := range schema.Blocks {
		words = append(words, b.Type)
	}
	text := textOfFile(r.sources, at.Filename)
	if !at.CanSliceBytes(text) {
		return ""
	}
	word := strings.Trim(string(at.SliceBytes(text)), `"`) // JSON has quotes
	if near := didYouMean(word, words); near != "" {
		return near
	}
	if homes := homesOf(word); len(homes) > 0 {
		return " It belongs into " + strings.Join(homes, " or ") + "."
	}
	return " Expected here: " + strings.Join(words, ", ") + "."
}

// homesOf lists the blocks that have an attribute or block of that name; if
// there are outer ones, only these.
func homesOf(word string) []string {
	var homes [3][]string // by depth
	note := func(depth int, home string) {
		if !slices.Contains(homes[depth], home) {
			homes[depth] = append(homes[depth], home)
		}
	}
	for _, t := range tables() {
		depth := strings.Count(t.block, ".")
		for _, s := range t.settings {
			first, rest, nested := strings.Cut(s.Name, ".")
			if first == word {
				note(depth, t.block)
			}
			if nested && rest == word {
				note(depth+1, t.block+"."+first)
			}
		}
		if outer, nested := strings.CutSuffix(t.block, "."+word); nested {
			note(depth-1, outer)
		}
	}
	for _, at := range homes {
		if at != nil {
			return at
		}
	}
	return nil
}

// table is what one type of block holds.
type table struct {
	block    string // with those around it
	settings []config.Setting
}

// tables lists all blocks with settings at their defaults. What of module is
// in defaults too is only there.
func tables() []table {
	c := config.Default()
	m, p := c.Undeclared(""), config.DefaultProcess("")
	var v config.Version
	var i config.Provided
	var q module.Requirement
	return []table{
		{"gateway", c.Gateway.Settings()},
		{"defaults", c.Defaults.Settings()},
		{"module", m.Settings()},
		{"module.version", v.AllSettings()},
		{"module.version.provides", i.Settings()},
		{"module.version.requires", config.RequirementSettings(&q)},
		{"process", p.Settings()},
		{"alert", new(config.DefaultSink("")).Settings()},
	}
}
