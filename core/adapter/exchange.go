package adapter

import "net/netip"

// Exchange is a request and the answer to it, as an adapter sees and edits
// them. Bytes that it returns are valid until the next edit of the same thing,
// and not to be changed; bytes that it is given are copied. Who calls it has
// checked them: methods and names of fields are tokens, values have no control
// characters, targets are in origin form.
//
// Fields that frame a body, belong to one connection, or are the gateway's own
// (Content-Length, Connection, Modgate-Token, X-Forwarded-For) can be seen
// where they are, and are dropped where they were written.
type Exchange interface {
	// Method returns the request's.
	Method() []byte
	SetMethod(method []byte)

	// Target returns the request's path and query, as they are sent.
	Target() []byte
	SetTarget(target []byte)

	// Protocol returns what the client spoke, such as "HTTP/1.1".
	Protocol() string

	// Source returns the client's address; invalid if there is none.
	Source() netip.AddrPort

	// Status returns the answer's status, 0 while there is none.
	Status() int
	// SetStatus begins an answer if there is none.
	SetStatus(status int)

	// Fields returns the fields of a part, to be read and edited.
	Fields(p Part) *Fields

	// Body returns the body, which it reads whole if it is not at hand. It
	// may wait for a client to send it. A body of more than limit bytes is
	// ErrTooLarge, and not lost.
	Body(s Side, limit int) ([]byte, error)
	// AtHand reports whether Body would not wait.
	AtHand(s Side) bool
	SetBody(s Side, body []byte)

	// Property returns what the gateway knows of the exchange, by the names
	// of the ABI, such as "request.id" and "module.name".
	Property(name string) (value []byte, ok bool)

	// Discard undoes every edit since the hook began.
	Discard()
}

// Side is one half of an exchange.
type Side uint8

// The sides.
const (
	Request Side = iota
	Response
)

// Part is a set of fields of an exchange.
type Part uint8

// The parts, numbered as in http-wasm's handler ABI.
const (
	RequestHeader Part = iota
	ResponseHeader
	RequestTrailer
	ResponseTrailer

	Parts // how many there are
)

// Field is one line of a header or trailer.
type Field struct{ Name, Value []byte }

// Fields are fields in their order. The zero value is empty. Names are
// compared without case (RFC 9110 5.1).
type Fields struct {
	list   []Field
	text   []byte // what Set and Add copied
	edited bool
}

// Reset empties f and keeps its memory.
func (f *Fields) Reset() { f.list, f.text, f.edited = f.list[:0], f.text[:0], false }

// Load appends a field as it came: it is not copied and is no edit.
func (f *Fields) Load(name, value []byte) { f.list = append(f.list, Field{name, value}) }

// Edited reports whether f was changed since Reset.
func (f *Fields) Edited() bool { return f.edited }

// All returns the fields, which are not to be changed. They are valid until
// the next edit.
func (f *Fields) All() []Field { return f.list }

// Get returns the first value under the name.
func (f *Fields) Get(name string) (value []byte, ok bool) {
	for i := range f.list {
		if equalFold(f.list[i].Name, name) {
			return f.list[i].Value, true
		}
	}
	return nil, false
}

// Set makes value the only one under the name, in the place of the first.
func (f *Fields) Set(name, value []byte) {
	for i := range f.list {
		if !equalFold(f.list[i].Name, name) {
			continue
		}
		f.edited = true
		f.list[i].Value = f.copy(value)
		f.removeFrom(i+1, name)
		return
	}
	f.Add(name, value)
}

// Add appends a field.
func (f *Fields) Add(name, value []byte) {
	f.edited = true
	start, between := len(f.text), len(f.text)+len(name)
	f.text = append(append(f.text, name...), value...)
	f.list = append(f.list, Field{f.text[start:between:between], f.text[between:len(f.text):len(f.text)]})
}

// Remove removes all fields of the name.
func (f *Fields) Remove(name []byte) { f.removeFrom(0, name) }

// removeFrom removes those from index i on.
func (f *Fields) removeFrom(i int, name []byte) {
	for i < len(f.list) && !equalFold(f.list[i].Name, name) {
		i++
	}
	if i == len(f.list) {
		return // as most often: nothing is moved
	}
	f.edited = true
	kept := f.list[:i]
	for _, field := range f.list[i+1:] {
		if !equalFold(field.Name, name) {
			kept = append(kept, field)
		}
	}
	f.list = kept
}

// copy keeps b until Reset. What was kept before stays where it is, also if
// the text must grow.
func (f *Fields) copy(b []byte) []byte {
	start := len(f.text)
	f.text = append(f.text, b...)
	return f.text[start:len(f.text):len(f.text)]
}

// equalFold compares names, which are ASCII.
func equalFold[T []byte | string](a []byte, b T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x |= 0x20; x != y|0x20 || x < 'a' || x > 'z' {
			return false
		}
	}
	return true
}

func (f *Fields) clone() Fields {
	return Fields{list: append([]Field(nil), f.list...)}
}
