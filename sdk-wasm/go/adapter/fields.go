package adapter

import (
	"iter"
	"strings"
)

// Fields are those of a header or a trailer. Names are compared without case.
type Fields struct {
	g    *Guest
	kind uint32
}

// list returns the values under the name, each followed by a zero, and how
// many there are.
func (f *Fields) list(name string) (string, int) {
	t := &f.g.texts
	buf := t.room()
	r := f.g.host.GetHeaderValues(f.kind, name, buf)
	if n := int(uint32(r)); n > len(buf) {
		t.more(n)
		r = f.g.host.GetHeaderValues(f.kind, name, t.free)
	}
	if r>>32 == 0 {
		return "", 0
	}
	return t.cut(int(uint32(r))), int(r >> 32)
}

// Get returns the first value under the name, "" if there is none.
func (f *Fields) Get(name string) string {
	values, n := f.list(name)
	if n == 1 {
		return values[:len(values)-1]
	}
	first, _, _ := strings.Cut(values, "\x00")
	return first
}

// Has reports whether there is a value under the name.
func (f *Fields) Has(name string) bool { return f.g.host.GetHeaderValues(f.kind, name, nil)>>32 > 0 }

// Values returns all values under the name.
func (f *Fields) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		values, _ := f.list(name)
		each(values, yield)
	}
}

// Names returns the names, in lower case, each once.
func (f *Fields) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		t := &f.g.texts
		buf := t.room()
		r := f.g.host.GetHeaderNames(f.kind, buf)
		if n := int(uint32(r)); n > len(buf) {
			t.more(n)
			r = f.g.host.GetHeaderNames(f.kind, t.free)
		}
		each(t.cut(int(uint32(r))), yield)
	}
}

// each yields the parts of a list, each of which a zero follows.
func each(list string, yield func(string) bool) {
	for list != "" {
		one, rest, _ := strings.Cut(list, "\x00")
		if !yield(one) {
			return
		}
		list = rest
	}
}

// Set makes value the only one under the name. Control characters in a value
// become spaces; a name that is none is a fault of the adapter's.
func (f *Fields) Set(name, value string) { f.g.host.SetHeaderValue(f.kind, name, value) }

// Add adds a field with the name.
func (f *Fields) Add(name, value string) { f.g.host.AddHeaderValue(f.kind, name, value) }

// Remove removes all fields with the name.
func (f *Fields) Remove(name string) { f.g.host.RemoveHeader(f.kind, name) }
