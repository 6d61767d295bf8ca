package plugins

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/plugins/fuel"
	"github.com/modgate/modgate/plugins/wat"
)

const importAll = importURI + importSet + importGet + `
	(import "http_handler" "get_method" (func $get_method (param i32 i32) (result i32))) (import "http_handler" "set_method" (func $set_method (param i32 i32)))
	(import "http_handler" "add_header_value" (func $add (param i32 i32 i32 i32 i32))) (import "http_handler" "remove_header" (func $remove (param i32 i32 i32)))
	(import "http_handler" "set_status_code" (func $status (param i32)))`

func TestNotedEditsAreMadeInTheirOrder(t *testing.T) {
	const (
		set    = `(call $set (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 6) (i32.const 3))`
		add    = `(call $add (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 9) (i32.const 3))`
		remove = `(call $remove (i32.const 0) (i32.const 3) (i32.const 3))`
		answer = `(call $add (i32.const 1) (i32.const 0) (i32.const 3) (i32.const 6) (i32.const 3))`
		copied = `(call $set (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 100) (i32.sub (i32.wrap_i64
			(call $get (i32.const 0) (i32.const 3) (i32.const 3) (i32.const 100) (i32.const 100))) (i32.const 1)))`
		reused = `(i64.store (i32.const 6) (i64.const 0))` // after it was given away
	)
	for name, c := range map[string]struct{ request, response, want string }{
		"none":                    {``, ``, "x-a= x-b=was | x-a="},
		"some":                    {set + add + remove, ``, "x-a=one,two x-b= | x-a="},
		"in another order":        {add + remove + set, ``, "x-a=one x-b= | x-a="},
		"before one that is read": {set + copied + remove, ``, "x-a=was x-b= | x-a="},
		"of the answer":           {set, answer + answer, "x-a=one x-b=was | x-a=one,one"},
		"what they were":          {set + reused, ``, "x-a=one x-b=was | x-a="},
	} {
		t.Run(name, func(t *testing.T) {
			w := load(t, guest(importAll, onPath('x', c.request)+next, c.response, `(data (i32.const 0) "x-ax-bonetwo")`))
			d := adapter.NewDraft("GET", "/x", attr("X-B", "was"), nil)
			if err := w.pass(d, ok); err != nil {
				t.Fatal(err, w.told())
			}
			all := func(p adapter.Part, name string) string {
				var values []string
				for _, f := range d.Fields(p).All() {
					if strings.EqualFold(string(f.Name), name) {
						values = append(values, string(f.Value))
					}
				}
				return name + "=" + strings.Join(values, ",")
			}
			if got := all(0, "x-a") + " " + all(0, "x-b") + " | " + all(1, "x-a"); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// A guest that writes behind its memory finds its margin, and is believed
// nothing that it leaves there.
func TestSpoiltMarginTraps(t *testing.T) {
	const page = 65536
	edit := func(what, name, value int) string {
		return fmt.Sprintf(`(i32.store (i32.const %d) (i32.const %d)) (i32.store (i32.const %d) (i32.const %d)) (i32.store (i32.const %d) (i32.const %d))`,
			page+fuel.MarginEdits, what, page+fuel.MarginEdits+4, name, page+fuel.MarginEdits+8, value)
	}
	used := func(n int) string {
		return fmt.Sprintf(`(i32.store (i32.const %d) (i32.const %d))`, page+fuel.MarginUsed, n)
	}
	const one = fuel.MarginEdits + fuel.MarginEdit
	for name, c := range map[string]struct{ code, want string }{
		"below the edits":     {used(8), "behind its memory"},
		"beyond its end":      {used(fuel.Margin + 1), "behind its memory"},
		"far beyond":          {used(-1), "behind its memory"},
		"half an edit":        {used(one - 1), "behind its memory"},
		"a name too long":     {edit(editSet, 4, 0) + used(one+3), "behind its memory"},
		"a value too long":    {edit(editSet, 3, -1) + used(one+3), "behind its memory"},
		"both":                {edit(editSet, -1, -1) + used(one+3), "behind its memory"},
		"no edit":             {edit(7, 3, 0) + used(one+3), "a header"},
		"an edit of nothing":  {edit(editSet|9<<8, 3, 0) + used(one+3), "no kind of header 9"},
		"an edit of a name":   {edit(editSet, 0, 0) + used(one), "has no name"},
		"what may not be now": {edit(editSet|2<<8, 3, 0) + used(one+3), "feature trailers"},
	} {
		t.Run(name, func(t *testing.T) {
			fails(t, load(t, guest(importURI, onPath('x', c.code)+next, ``, ``)), c.want)
		})
	}
	t.Run("too late", func(t *testing.T) {
		w := load(t, guest(importURI, next, onPath('x', edit(editSet, 3, 0)+used(one+3)), ``))
		fails(t, w, "too late to change a request header")
	})
	t.Run("its kinds and lengths are the host's", func(t *testing.T) {
		w := load(t, guest(importURI+importSet, next, onPath('x', fmt.Sprintf(`(i32.store (i32.const %d) (i32.const -1)) (call $set (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))`,
			page+fuel.MarginKinds)), `(data (i32.const 0) "a")`))
		fails(t, w, "too late to change a request header")
	})
}

// fails sends a request to /x, and wants its guest to fail so.
func fails(t *testing.T, w *world, want string) {
	t.Helper()
	if err := w.pass(get("/x"), ok); !errors.Is(err, ErrFailed) {
		t.Errorf("got %v, want ErrFailed", err)
	}
	if told := w.told(); len(told) != 1 || told[0].Kind != adapter.Misuse || !strings.Contains(told[0].Text, want) {
		t.Errorf("told %+v, want %s", told, want)
	}
}

// The margin comes on top of what memory a guest may have.
func TestGuestHasTheMemoryThatItMay(t *testing.T) {
	const grow = `(if (i32.ne (memory.grow (i32.const 3)) (i32.const 1)) (then (unreachable)))
		(if (i32.ne (memory.size) (i32.const 4)) (then (unreachable)))
		(if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
		(if (i32.load8_u (i32.const 65536)) (then (unreachable)))
		(i32.store8 (i32.const 262143) (i32.const 47)) (call $set_uri (i32.const 262143) (i32.const 1))`
	for _, memory := range []string{`(memory (export "memory") 1 4)`, `(memory (export "memory") 1)`, `(memory (export "memory") 1 65536)`} {
		w := load(t, programOf(memory, onPath('x', grow)+next, ``, ``), func(o *Options) { o.Plugin.Memory = 4 * pageSize })
		d := get("/x")
		if err := w.pass(d, ok); err != nil || string(d.Target()) != "/" {
			t.Errorf("%s: %s, %v, told %+v", memory, d.Target(), err, w.told())
		}
	}
}

// programOf is a guest with its own memory.
func programOf(memory, handleRequest, handleResponse, rest string) []byte {
	return wat.Must(`(module ` + importAll + memory + `
		(func (export "handle_request") (result i64) ` + handleRequest + `)
		(func (export "handle_response") (param i32 i32) ` + handleResponse + `) ` + rest + `)`)
}

// program is a guest that does what bytes say, before and after the request.
// Apart, its memory begins with nothing, so that it gets no margin.
func program(b []byte, apart bool) []byte {
	memory, rest := `(memory (export "memory") 1 4) (data (i32.const 0) "`+programData+`")`, ``
	if apart {
		memory, rest = `(memory (export "memory") 0 4) (data $d "`+programData+`")`,
			`(func $s (drop (memory.grow (i32.const 1))) (memory.init $d (i32.const 0) (i32.const 0) (i32.const `+fmt.Sprint(len(programData))+`))) (start $s)`
	}
	half := len(b) / 2
	return programOf(memory, onPath('i', steps(b[:half], false))+next, onPath('i', steps(b[half:], true)), rest)
}

const programData = "x-aX-Bcontent-typex y/new?a#bPUTvalue one, and another"

// steps returns instructions for bytes, before the request is sent or after.
// Most are right.
func steps(b []byte, sent bool) string {
	var s strings.Builder
	at := 0
	byteOf := func() int {
		if at == len(b) {
			return 4
		}
		at++
		return int(b[at-1])
	}
	result := 1000
	keep := func(call string) {
		fmt.Fprintf(&s, `(i32.store (i32.const %d) %s)`, result, call)
		result += 4
	}
	place := func() (int, int) { // a text, mostly within what there is
		switch p, n := byteOf(), byteOf(); p % 32 {
		case 0:
			return 65536*(1+n%4) - p, n
		case 1, 2:
			return 65536 - p, n % p
		case 3:
			return p, n * 40
		default:
			return p % 50, n % 32
		}
	}
	name := func() (int, int) {
		if p, n := byteOf(), byteOf(); p%32 != 0 {
			return p % 3 * 3, 3 + n%2
		}
		return place()
	}
	room := func() (int, int) {
		p, n := byteOf(), byteOf()
		if p%32 == 0 {
			return 65536*(1+n%4) - p, n
		}
		return 2000 + p, n % 16
	}
	kind := func() int {
		k := []int{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 5}[byteOf()%21]
		if sent && k == 0 {
			k = 1
		}
		return k
	}
	for at < len(b) {
		switch byteOf() % 12 {
		case 0, 1:
			ptr, n := room()
			keep(fmt.Sprintf(`(call $get_uri (i32.const %d) (i32.const %d))`, ptr, n))
		case 2:
			ptr, n := room()
			keep(fmt.Sprintf(`(call $get_method (i32.const %d) (i32.const %d))`, ptr, n))
		case 3, 4, 5:
			name, n := name()
			value, v := place()
			fmt.Fprintf(&s, `(call %s (i32.const %d) (i32.const %d) (i32.const %d) (i32.const %d) (i32.const %d))`,
				[]string{"$set", "$add"}[byteOf()%2], kind(), name, n, value, v)
		case 6:
			name, n := name()
			fmt.Fprintf(&s, `(call $remove (i32.const %d) (i32.const %d) (i32.const %d))`, kind(), name, n)
		case 7:
			name, n := name()
			ptr, limit := room()
			keep(fmt.Sprintf(`(i32.wrap_i64 (call $get (i32.const %d) (i32.const %d) (i32.const %d) (i32.const %d) (i32.const %d)))`, kind(), name, n, ptr, limit))
		case 8:
			if n := byteOf() % 8; !sent || n == 0 {
				fmt.Fprintf(&s, `(call $set_uri (i32.const 21) (i32.const %d))`, n)
			}
		case 9:
			if n := byteOf() % 8; !sent || n == 0 {
				fmt.Fprintf(&s, `(call $set_method (i32.const 29) (i32.const %d))`, n%4)
			}
		case 10:
			keep(fmt.Sprintf(`(memory.grow (i32.const %d))`, byteOf()%3))
			keep(`(memory.size)`)
		default:
			fmt.Fprintf(&s, `(i32.store8 (i32.const %d) (i32.const %d))`, 32+byteOf()%30, 'a'+byteOf()%26)
		}
	}
	return s.String()
}

// played is what a program comes to.
type played struct {
	faults, exchange string
	memory           []byte
}

func play(t *testing.T, code []byte) (p played) {
	w := load(t, code, func(o *Options) { o.Most = 1 })
	d := adapter.NewDraft("POST", "/items/1?a=b", attr("X-B", "was", "Content-Type", "text/plain"), []byte("body"))
	err := w.pass(d, ok)
	body, _ := d.Body(adapter.Request, 100)
	p.exchange = fmt.Sprintf("%v %s %s %s %d", err, d.Method(), d.Target(), body, d.Status())
	for part := range adapter.Parts {
		for _, f := range d.Fields(part).All() {
			p.exchange += fmt.Sprintf("\n%d %s: %s", part, f.Name, f.Value)
		}
	}
	for _, f := range w.told() {
		text, _, _ := strings.Cut(f.Text, " (recovered") // at first or at last
		p.faults += fmt.Sprintf("%s %s\n", f.Kind, text)
	}
	if err == nil {
		i := (*w.current.Load().live.Load())[0]
		size := i.memory.Size()
		if i.g.margin {
			size -= fuel.Margin
		}
		all, _ := i.memory.Read(0, size)
		p.memory = bytes.Clone(all)
	}
	return p
}

// compare holds a program with a margin against the same without.
func compare(t *testing.T, b []byte) {
	with, without := play(t, program(b, false)), play(t, program(b, true))
	if with.faults != without.faults || with.exchange != without.exchange || !bytes.Equal(with.memory, without.memory) {
		t.Errorf("%x: %s\n%s\nwith\n%s %s\nwithout, want\n%s %s", b, steps(b[:len(b)/2], false), steps(b[len(b)/2:], true), with.faults, with.exchange, without.faults, without.exchange)
	}
}

func TestMarginIsNotSeen(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		b := make([]byte, 8+r.IntN(100))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		compare(t, b)
	}
}

// FuzzMargin holds guests with a margin against the same without.
func FuzzMargin(f *testing.F) {
	f.Add([]byte("some of this, and some of that, and then what follows from it"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 1000 {
			compare(t, b)
		}
	})
}
