package hcl

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

//go:generate go run ./generate

// object is a JSON Schema.
type object = map[string]any

// EditorSchema returns a JSON Schema (2020-12) of the language's JSON syntax,
// from the same settings that the reader has: editors complete, explain and
// check *.hcl.json by it. What needs more than one value at a time, such as
// routes that collide, is left to Load.
func EditorSchema() []byte {
	e := editor{"template": {"type": "string", "pattern": `[$%]\{`}}
	for _, t := range slices.Backward(tables()) { // inner ones first
		e.define(t.block, levelOf(t.settings))
	}
	rule := object{"type": "object", "properties": object{
		"condition": object{}, "error_message": object{"type": "string"},
	}, "required": []any{"condition", "error_message"}, "additionalProperties": false}
	variable := object{"type": "object", "properties": object{
		"type": object{"type": "string"}, "default": object{}, "description": object{"type": "string"},
		"sensitive": object{"type": "boolean"}, "validation": object{"anyOf": []any{rule, object{"type": "array", "items": rule}}},
	}, "additionalProperties": false}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(object{ // of texts and numbers: cannot fail
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "modgate configuration, JSON syntax (*.hcl.json)",
		"type":    "object",
		"properties": object{
			"gateway": unlabelled(ref("gateway")), "defaults": unlabelled(ref("defaults")),
			"module": labelled(ref("module")), "process": labelled(ref("process")), "alert": labelled(ref("alert")),
			"variable": labelled(variable), "locals": unlabelled(object{"type": "object"}), "//": object{},
		},
		"additionalProperties": false,
		"$defs":                e,
	})
	return b.Bytes()
}

// editor is the schemas of blocks, by name.
type editor map[string]object

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// define adds the block of that name, with those in it that are defined.
func (e editor) define(block string, l *level) {
	properties := object{"//": object{}}
	required := []string{}
	for _, s := range l.attributes {
		properties[s.Name] = schemaOf(s)
		if s.Required {
			required = append(required, s.Name)
		}
	}
	for _, b := range l.blocks {
		e.define(block+"."+b, l.below[b])
		properties[b] = unlabelled(ref(block + "." + b))
	}
	for inner := range e {
		if name, ok := strings.CutPrefix(inner, block+"."); ok && !strings.Contains(name, ".") && properties[name] == nil {
			properties[name] = labelled(ref(inner))
		}
	}
	e[block] = object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// unlabelled is a block that stands once: an object, or a list of one.
func unlabelled(block object) object {
	return object{"anyOf": []any{block, object{"type": "array", "items": block}}}
}

// labelled is blocks by their labels, or a list of such.
func labelled(block object) object {
	byLabel := object{"type": "object", "additionalProperties": unlabelled(block)}
	return object{"anyOf": []any{byLabel, object{"type": "array", "items": byLabel}}}
}

// schemaOf is what a setting looks like: its value, a text with an expression
// in it, or null.
func schemaOf(s config.Setting) object {
	schema := object{"description": s.Doc, "anyOf": []any{valueOf(s), ref("template"), object{"type": "null"}}}
	var value any
	if text := s.Text(); !s.Required && json.Unmarshal([]byte(text), &value) == nil && !slices.Contains([]any{"", nil}, scalar(value)) {
		schema["default"] = value
	}
	return schema
}

// scalar returns v if it is one; an empty list or object is nil.
func scalar(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return nil
		}
		return true
	case map[string]any:
		return nil
	default:
		return v
	}
}

const lengthPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`

// valueOf is what a setting's value looks like that is no expression.
func valueOf(s config.Setting) object {
	list := func(items object) object { return object{"type": "array", "items": items} }
	text := object{"type": "string"}
	switch s.Value.(type) {
	case *bool:
		return object{"type": "boolean"}
	case *int:
		n := object{"type": "integer"}
		if s.Min != 0 || s.Max != 0 {
			n["minimum"], n["maximum"] = s.Min, s.Max
		}
		return n
	case *config.Bytes:
		return object{"type": "string", "pattern": `^[0-9]+ *([KMGT]i)?B$`}
	case *time.Duration:
		return object{"type": "string", "pattern": lengthPattern}
	case *fallback.Bounds:
		pair := list(object{"type": "string", "pattern": lengthPattern})
		pair["minItems"], pair["maxItems"] = 2, 2
		return pair
	case *[]string, *[]message.Route:
		return list(text)
	case *map[string]string:
		return object{"type": "object", "additionalProperties": object{"type": []string{"string", "number", "boolean"}}}
	case *string, *config.Secret:
		if s.Form == config.Address {
			return object{"type": "string", "pattern": ":[0-9]+$"}
		}
		return text
	default:
		return object{"enum": slices.Clone(s.Words), "description": strings.Join(s.Words, ", ")}
	}
}
