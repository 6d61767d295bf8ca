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

// program is a guest that takes some steps before the request and some after
// it. Apart, its memory begins with nothing, so that it gets no margin.
func program(request, response string, apart bool) []byte {
	memory, rest := `(memory (export "memory") 1 4) (data (i32.const 0) "`+programData+`")`, ``
	if apart {
		memory, rest = `(memory (export "memory") 0 4) (data $d "`+programData+`")`,
			`(func $s (drop (memory.grow (i32.const 1))) (memory.init $d (i32.const 0) (i32.const 0) (i32.const `+fmt.Sprint(len(programData))+`))) (start $s)`
	}
	return programOf(memory, onPath('i', request)+next, onPath('i', response), rest)
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
	kind := func(edited bool) int {
		k := []int{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 5}[byteOf()%21]
		if edited && sent && k == 0 {
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
				[]string{"$set", "$add"}[byteOf()%2], kind(true), name, n, value, v)
		case 6:
			name, n := name()
			fmt.Fprintf(&s, `(call $remove (i32.const %d) (i32.const %d) (i32.const %d))`, kind(true), name, n)
		case 7:
			name, n := name()
			ptr, limit := room()
			keep(fmt.Sprintf(`(i32.wrap_i64 (call $get (i32.const %d) (i32.const %d) (i32.const %d) (i32.const %d) (i32.const %d)))`, kind(false), name, n, ptr, limit))
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
	faults, exchanges string
	memory            []byte
}

// play sends some requests through one instance of a program.
func play(t *testing.T, code []byte) (p played) {
	w := load(t, code, func(o *Options) { o.Most = 1 })
	for n := range 4 {
		d := adapter.NewDraft("POST", "/items/1?a=b", attr("X-B", "was", "Content-Type", strings.Repeat("t", 454+n), "X-A", fmt.Sprint(n), "x-a", strings.Repeat("long", 50*n)), []byte("body"))
		err := w.pass(d, ok)
		body, _ := d.Body(adapter.Request, 100)
		p.exchanges += fmt.Sprintf("%v %s %s %s %d\n", err, d.Method(), d.Target(), body, d.Status())
		for part := range adapter.Parts {
			for _, f := range d.Fields(part).All() {
				p.exchanges += fmt.Sprintf("%d %s: %s\n", part, f.Name, f.Value)
			}
		}
		for _, f := range w.told() {
			p.faults += fmt.Sprintf("%s %s\n", f.Kind, f.Text)
		}
		if err != nil {
			return p
		}
	}
	i := (*w.current.Load().live.Load())[0]
	size := i.memory.Size()
	if i.g.margin {
		size -= fuel.Margin
	}
	all, _ := i.memory.Read(0, size)
	p.memory = bytes.Clone(all)
	return p
}

// same holds a program with a margin against the same without.
func same(t *testing.T, request, response string) {
	t.Helper()
	with, without := play(t, program(request, response, false)), play(t, program(request, response, true))
	if with.faults != without.faults || with.exchanges != without.exchanges || !bytes.Equal(with.memory, without.memory) {
		t.Errorf("%s\n%s\nwith\n%s %s\nwithout, want\n%s %s", request, response, with.faults, with.exchanges, without.faults, without.exchanges)
	}
}

func TestMarginIsNotSeen(t *testing.T) {
	at := func(n int, what string) string { // of the requests
		return fmt.Sprintf(`(if (i32.eq (i32.load (i32.const 900)) (i32.const %d)) (then %s))`, n, what)
	}
	const (
		count = `(i32.store (i32.const 900) (i32.add (i32.load (i32.const 900)) (i32.const 1)))`
		edit  = `(call $set (i32.const 0) (i32.const 3) (i32.const 3) (i32.const 0) (i32.const 3))`
		long  = `(call $set (i32.const 0) (i32.const 3) (i32.const 3) (i32.const 0) (i32.const 5000))`
	)
	get := func(kind, name, n, room int) string {
		return fmt.Sprintf(`(i64.store (i32.const %d) (call $get (i32.const %d) (i32.const %d) (i32.const %d) (i32.const %d) (i32.const 2000)))`, room%60000-8, kind, name, n, room)
	}
	var many string
	for n := 1; n <= 12; n++ {
		many += get(0, 6, n, 1000+100*n)
	}
	for name, c := range map[string][2]string{
		"asked again":                   {get(0, 0, 3, 2000) + get(0, 3, 3, 3000), ``},
		"edited between":                {get(0, 3, 3, 2000) + edit + get(0, 3, 3, 3000), ``},
		"edited by a call":              {get(0, 3, 3, 2000) + long + get(0, 3, 3, 3000), ``},
		"edited before":                 {long + get(0, 3, 3, 2000), get(0, 3, 3, 3000)},
		"asked of the other part":       {get(0, 3, 3, 2000) + get(1, 3, 3, 3000), get(1, 3, 3, 4000)},
		"asked of both halves":          {get(0, 3, 3, 2000) + edit, get(0, 3, 3, 3000)},
		"asked in capitals":             {get(0, 0, 3, 2000) + `(i32.store8 (i32.const 0) (i32.const 88))` + get(0, 0, 3, 3000), ``},
		"as long as there is room":      {get(0, 6, 12, 2000), ``},
		"for more than there is room":   {many, ``},
		"for a name too long":           {get(0, 17, 40, 2000) + get(0, 33, 33, 3000), ``},
		"for less and less":             {at(1, many) + count, ``},
		"with no room":                  {count + get(0, 0, 3, 2000) + at(3, get(0, 0, 3, 65534)), ``},
		"with a name in the margin":     {count + get(0, 0, 3, 2000) + at(3, get(0, 65536+fuel.MarginAnswers+fuel.AnswerNameAt, 3, 3000)), ``},
		"with a kind beyond all others": {`(call $set (i32.const 0x1000000) (i32.const 3) (i32.const 3) (i32.const 0) (i32.const 3))`, ``},
	} {
		t.Run(name, func(t *testing.T) { same(t, c[0], c[1]) })
	}
	t.Run("at random", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			b := make([]byte, 8+r.IntN(100))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			same(t, steps(b[:len(b)/2], false), steps(b[len(b)/2:], true))
		}
	})
}

// FuzzMargin holds guests with a margin against the same without.
func FuzzMargin(f *testing.F) {
	f.Add([]byte("some of this, and some of that, and then what follows from it"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 1000 {
			same(t, steps(b[:len(b)/2], false), steps(b[len(b)/2:], true))
		}
	})
}

// What nobody asks for any more is not answered.
func TestQuestionsAreForgotten(t *testing.T) {
	const ask = `(drop (call $get (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 200) (i32.const 100)))`
	w := load(t, guest(importURI+importGet, onPath('x', ask)+next, onPath('x', ask), `(data (i32.const 0) "x-a")`), func(o *Options) { o.Most = 1 })
	questions := func(path string, n int) int {
		for range n {
			if err := w.pass(get(path), ok); err != nil {
				t.Fatal(err)
			}
		}
		i := (*w.current.Load().live.Load())[0]
		return len(i.asked[0]) + len(i.asked[1])
	}
	for _, c := range []struct {
		path    string
		n, want int
	}{{"/y", 3, 0}, {"/x", 1, 2}, {"/x", 100, 2}, {"/y", maxIdle, 2}, {"/x", 1, 2}, {"/y", maxIdle + 2, 0}, {"/x", 1, 2}} {
		if got := questions(c.path, c.n); got != c.want {
			t.Errorf("after %d times %s there are %d questions, want %d", c.n, c.path, got, c.want)
		}
	}
}
