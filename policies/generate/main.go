// Command generate writes the registry of what policies see and say: the fields
// of schemas/input.json as Go constants and one table, and the members of each
// decision. go generate runs it in the folder policies.
//
// The schemas are where a field is decided. Beside JSON Schema it says in
// x-modgate when a leaf's value may change, and in x-modgate-entrypoints which
// questions have a member; unsaid, all have it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := run("schemas/input.json", "fields.go"); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	list, groups, err := fieldsOf(&s)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	decisions, err := decisionsOf(filepath.Dir(from), s.property("entrypoint").Enum)
	if err != nil {
		return err
	}
	out, err := format.Source(append(write(list, groups), writeMembers(decisions)...))
	if err != nil {
		return err
	}
	return os.WriteFile(to, out, 0o644)
}

// schema is as much of JSON Schema as input.json uses.
type schema struct {
	Type        string     `json:"type"`
	Description string     `json:"description"`
	Enum        []string   `json:"enum"`
	Pattern     string     `json:"pattern"`
	Maximum     int        `json:"maximum"`
	Class       string     `json:"x-modgate"`
	Entrypoints []string   `json:"x-modgate-entrypoints"`
	Closed      *bool      `json:"additionalProperties"`
	Properties  properties `json:"properties"`
}

// property returns the member of that name.
func (s *schema) property(name string) schema {
	for _, p := range s.Properties {
		if p.name == name {
			return p.schema
		}
	}
	return schema{}
}

// properties are members in the order of the file.
type properties []property

type property struct {
	name string
	schema
}

// UnmarshalJSON reads an object in order.
func (p *properties) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil { // the brace
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		m := property{name: fmt.Sprint(name)}
		if err := dec.Decode(&m.schema); err != nil {
			return err
		}
		*p = append(*p, m)
	}
	return nil
}

// field is a leaf of input.
type field struct {
	constant, group, name, doc, kind, class, form string
	most                                          int
	words, entrypoints                            []string
}

var (
	kinds   = map[string]string{"string": "textual", "integer": "numeric", "boolean": "boolean"}
	classes = []string{"known", "volatile", "asked"}
)

// fieldsOf returns the leaves of the schema and the names of its groups.
func fieldsOf(s *schema) (list []field, groups []string, err error) {
	for _, p := range s.Properties {
		if p.Type != "object" {
			list = append(list, leaf("", p, p.Entrypoints))
			continue
		}
		if p.Closed == nil || *p.Closed {
			return nil, nil, fmt.Errorf("%s is open: it wants \"additionalProperties\": false", p.name)
		}
		groups = append(groups, p.name)
		for _, q := range p.Properties {
			entrypoints := p.Entrypoints
			if q.Entrypoints != nil {
				entrypoints = q.Entrypoints
			}
			list = append(list, leaf(p.name, q, entrypoints))
		}
	}
	seen := map[string]bool{}
	for _, f := range list {
		switch {
		case seen[f.constant]:
			return nil, nil, fmt.Errorf("two fields are called %s", f.constant)
		case f.kind == "":
			return nil, nil, fmt.Errorf("%s %s: want one of the types string, integer, boolean", f.group, f.name)
		case !slices.Contains(classes, f.class):
			return nil, nil, fmt.Errorf("%s %s: x-modgate is %q, want one of %v", f.group, f.name, f.class, classes)
		case f.doc == "":
			return nil, nil, fmt.Errorf("%s %s has no description", f.group, f.name)
		}
		seen[f.constant] = true
	}
	return list, groups, nil
}

func leaf(group string, p property, entrypoints []string) field {
	return field{
		constant: constant(group, p.name), group: group, name: p.name, doc: p.Description,
		kind: kinds[p.Type], class: p.Class, words: p.Enum, form: p.Pattern, most: p.Maximum, entrypoints: entrypoints,
	}
}

// plain are the groups that a constant's name does without.
var plain = []string{"", "target", "now", "request"}

// constant returns the name of a field's constant, which leaves out what is
// understood: the unit, and the groups that everyone asks about.
func constant(group, name string) string {
	words := strings.Split(strings.TrimSuffix(strings.TrimSuffix(name, "_s"), "_per"), "_")
	if !slices.Contains(plain, group) {
		words = slices.Insert(words, 0, strings.Split(group, "_")...)
	}
	s := "field"
	for _, w := range words {
		if w == "ttl" {
			s += "TTL"
			continue
		}
		s += strings.ToUpper(w[:1]) + w[1:]
	}
	return s
}

func write(list []field, groups []string) []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated from schemas/ by policies/generate. DO NOT EDIT.\n\npackage policies\n\n")
	b.WriteString("import \"github.com/modgate/modgate/core/fallback\"\n\n")
	b.WriteString("// The fields, in the order of the schema.\nconst (\n")
	for i, f := range list {
		typed := ""
		if i == 0 {
			typed = " field = iota"
		}
		fmt.Fprintf(&b, "%s%s // %s\n", f.constant, typed, f.doc)
	}
	b.WriteString("fieldCount\n)\n\n")
	b.WriteString("var fields = [fieldCount]registered{\n")
	for _, f := range list {
		fmt.Fprintf(&b, "%s: {group: %q, name: %q, kind: %s, class: %s", f.constant, f.group, f.name, f.kind, f.class)
		if f.words != nil {
			fmt.Fprintf(&b, ", words: %#v", f.words)
		}
		if f.form != "" {
			fmt.Fprintf(&b, ", form: `%s`, doc: %q", f.form, f.doc)
		}
		if f.most != 0 {
			fmt.Fprintf(&b, ", most: %d", f.most)
		}
		if f.entrypoints != nil {
			fmt.Fprintf(&b, ", entrypoints: []fallback.Entrypoint{%s}", quoted(f.entrypoints))
		}
		b.WriteString("},\n")
	}
	fmt.Fprintf(&b, "}\n\n// groupNames are the objects in input.\nvar groupNames = [...]string{%s}\n", quoted(groups))
	return b.Bytes()
}

// decision is the members that the answer to a question may have.
type decision struct {
	entrypoint string
	members    []string // sorted
}

// decisionsOf reads the schemas of decisions. One without properties is an
// object by names of the author's, and has no members to know.
func decisionsOf(dir string, entrypoints []string) (list []decision, err error) {
	for _, e := range entrypoints {
		file := filepath.Join(dir, e+".json")
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var s struct {
			Closed     json.RawMessage            `json:"additionalProperties"`
			Properties map[string]json.RawMessage `json:"properties"`
		}
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if s.Properties == nil {
			continue
		}
		if string(s.Closed) != "false" {
			return nil, fmt.Errorf("%s is open: it wants \"additionalProperties\": false", file)
		}
		list = append(list, decision{e, slices.Sorted(maps.Keys(s.Properties))})
	}
	return list, nil
}

func writeMembers(list []decision) []byte {
	var b bytes.Buffer
	b.WriteString("\n// memberNames are the members that a decision may have.\n")
	b.WriteString("var memberNames = map[fallback.Entrypoint][]string{\n")
	for _, d := range list {
		fmt.Fprintf(&b, "%q: {%s},\n", d.entrypoint, quoted(d.members))
	}
	b.WriteString("}\n")
	return b.Bytes()
}

func quoted(words []string) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(list, ", ")
}
