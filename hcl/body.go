package hcl

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/modgate/modgate/core/config"
)

// level is what a body may hold: attributes, which are settings, and blocks
// of more.
type level struct {
	attributes []config.Setting
	blocks     []string
	below      map[string][]config.Setting // by block
}

// levelOf sorts settings by the first part of their names.
func levelOf(settings []config.Setting) level {
	l := level{below: map[string][]config.Setting{}}
	for _, s := range settings {
		block, name, nested := strings.Cut(s.Name, ".")
		if !nested {
			l.attributes = append(l.attributes, s)
			continue
		}
		if l.below[block] == nil {
			l.blocks = append(l.blocks, block)
		}
		s.Name = name
		l.below[block] = append(l.below[block], s)
	}
	return l
}

func (l level) schema() hcl.BodySchema {
	var schema hcl.BodySchema
	for _, s := range l.attributes {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: s.Name, Required: s.Required})
	}
	for _, b := range l.blocks {
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: b})
	}
	return schema
}

// topLevel is what a file holds.
func topLevel() hcl.BodySchema {
	return hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "gateway"},
		{Type: "defaults"},
		{Type: "module", LabelNames: []string{"name"}},
		{Type: "process", LabelNames: []string{"name"}},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "locals"},
	}}
}

// variableBody is what a variable block holds.
func variableBody() hcl.BodySchema {
	return hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "type"}, {Name: "default"}, {Name: "description"}}}
}

// body reads the settings from a body. path is config's, of the block.
func (r *reader) body(b hcl.Body, path string, settings []config.Setting) {
	l := levelOf(settings)
	content := r.content(b, l.schema())
	for _, s := range l.attributes {
		at := path + "." + s.Name
		if a, ok := content.Attributes[s.Name]; ok {
			r.places[at] = a.Range
			r.failed[at] = !r.set(s, a)
		} else {
			r.failed[at] = s.Required // which content reported
		}
	}
	for _, block := range r.distinct(content.Blocks) {
		below := path + "." + block.Type
		r.places[below] = block.DefRange
		r.body(block.Body, below, l.below[block.Type])
	}
}

// set gives the setting its value. A null leaves it as it is.
func (r *reader) set(s config.Setting, a *hcl.Attribute) bool {
	v, found := r.value(a.Expr)
	r.found = append(r.found, found...)
	switch {
	case !v.IsWhollyKnown(): // what made it so has been reported
		return false
	case v.IsNull():
		return true
	}
	if err := assign(s, v, folderAt(a.Range)); err != nil {
		r.found = append(r.found, placed(a.Expr.Range(), "Wrong value", "%s: %s", s.Name, sentence(err))...)
		return false
	}
	return true
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
	c := config.Default()
	m, p := config.DefaultModule("", c.Defaults), config.DefaultProcess("")
	var outer, inner []string
	for _, block := range []struct {
		name     string
		settings []config.Setting
	}{
		{"gateway", c.Gateway.Settings()},
		{"defaults", c.Defaults.Settings()},
		{"module", m.Settings()},
		{"process", p.Settings()},
	} {
		for _, s := range block.settings {
			first, rest, _ := strings.Cut(s.Name, ".")
			if first == word && !slices.Contains(outer, block.name) {
				outer = append(outer, block.name)
			}
			if rest == word {
				inner = append(inner, block.name+"."+first)
			}
		}
	}
	if outer != nil {
		return outer
	}
	return inner
}
