package adaptertest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// decode reads a JSON text into v, a pointer to a struct, and refuses what v
// has no field for. The error names the file and the line.
func decode(name string, text []byte, v any) (err error) {
	d := &decoder{name: name, text: text, Decoder: json.NewDecoder(bytes.NewReader(text))}
	d.UseNumber()
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case wrong:
			err = fault
		default:
			panic(fault)
		}
	}()
	d.value(reflect.ValueOf(v).Elem())
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		d.fail("something follows the case: want one in a file")
	}
	return nil
}

// decoder reads one file.
type decoder struct {
	name string
	text []byte
	*json.Decoder
}

// wrong is the panic of a decoder; decode returns it.
type wrong struct{ error }

// fail ends the reading. Where is the place behind the last token.
func (d *decoder) fail(format string, args ...any) { d.failAt(d.InputOffset(), format, args...) }

func (d *decoder) failAt(offset int64, format string, args ...any) {
	panic(wrong{fmt.Errorf("%s:%d: %w", d.name, d.line(offset), fmt.Errorf(format, args...))})
}

func (d *decoder) line(offset int64) int {
	return 1 + bytes.Count(d.text[:min(int(offset), len(d.text))], []byte("\n"))
}

func (d *decoder) token() json.Token {
	t, err := d.Token()
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		d.failAt(syntax.Offset, "it is no JSON: %w", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.failAt(int64(len(d.text)), "it is no JSON: it ends too early")
	case err != nil:
		d.fail("it is no JSON: %w", err)
	}
	return t
}

var (
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// value reads the next value into v.
func (d *decoder) value(v reflect.Value) {
	switch {
	case v.Type() == rawType:
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			d.fail("it is no JSON: %w", err)
		}
		v.SetBytes(raw)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(v.Elem())
	case v.Addr().Type().Implements(textType):
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(d.string())); err != nil {
			d.fail("%w", err)
		}
	case v.Kind() == reflect.Struct:
		d.object(v)
	case v.Kind() == reflect.Slice:
		d.open('[', "a list")
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		for d.More() {
			item := reflect.New(v.Type().Elem()).Elem()
			d.value(item)
			v.Set(reflect.Append(v, item))
		}
		d.token()
	case v.Kind() == reflect.Map:
		d.open('{', "an object")
		v.Set(reflect.MakeMap(v.Type()))
		for d.More() {
			key := d.string()
			item := reflect.New(v.Type().Elem()).Elem()
			d.value(item)
			v.SetMapIndex(reflect.ValueOf(key), item)
		}
		d.token()
	case v.Kind() == reflect.String:
		v.SetString(d.string())
	case v.Kind() == reflect.Bool:
		b, ok := d.token().(bool)
		if !ok {
			d.fail("want true or false")
		}
		v.SetBool(b)
	case v.CanInt():
		n, ok := d.token().(json.Number)
		i, err := n.Int64()
		if !ok || err != nil {
			d.fail("want a whole number")
		}
		v.SetInt(i)
	case v.CanUint():
		n, ok := d.token().(json.Number)
		i, err := n.Int64()
		if !ok || err != nil || i < 0 {
			d.fail("want a whole number from 0 on")
		}
		v.SetUint(uint64(i))
	default:
		panic(fmt.Sprintf("adaptertest: a case has a %v", v.Type())) // a type of ours is wrong
	}
}

func (d *decoder) string() string {
	s, ok := d.token().(string)
	if !ok {
		d.fail("want a text")
	}
	return s
}

func (d *decoder) open(delim json.Delim, what string) {
	if got, ok := d.token().(json.Delim); !ok || got != delim {
		d.fail("want %s", what)
	}
}

// object reads an object into the fields of a struct.
func (d *decoder) object(v reflect.Value) {
	d.open('{', "an object")
	if b, ok := v.Addr().Interface().(interface{ begins(line int) }); ok {
		b.begins(d.line(d.InputOffset()))
	}
	seen := map[string]bool{}
	for d.More() {
		key := d.string()
		i := slices.Index(names(v.Type()), key)
		if i < 0 || key == "" {
			d.fail("there is no %q here: want %s", key, strings.Join(slices.DeleteFunc(names(v.Type()), isEmpty), ", "))
		}
		if seen[key] {
			d.fail("%q stands here twice", key)
		}
		seen[key] = true
		d.value(v.Field(i))
	}
	d.token()
}

func isEmpty(s string) bool { return s == "" }

// names returns what the fields of a struct are called in JSON; empty: not.
func names(t reflect.Type) []string {
	all := make([]string, t.NumField())
	for i := range all {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			all[i] = name
		}
	}
	return all
}
