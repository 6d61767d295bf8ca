package plugins

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/adapter"
)

// The board of these guests stands at 1024, and has room for 4 edits and 64
// bytes.
const (
	boardHere = 1024
	headHere  = boardHere + boardList + 4*boardEdit
)

// words are numbers as they lie in memory, for a guest's text.
func words(numbers ...uint64) string {
	var b []byte
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, `\%02x`, c)
	}
	return s.String()
}

// boarded is a guest with edits on a board that it has not noted yet; $note
// notes so many. Its texts stand at 0.
func boarded(texts string, edits []uint64, request, response, imports string) []byte {
	rest := fmt.Sprintf(`(data (i32.const 0) "%s") (data (i32.const %d) "%s") (data (i32.const %d) "%s")
		(func $note (param i32) (i32.store (i32.const %d) (local.get 0)))
		(func (export "modgate_capabilities") (result i32) (i32.const 3)) (func (export "modgate_board") (result i32) (i32.const %d))`,
		texts, boardHere+8, words(4<<32, 64), boardHere+boardList, words(edits...), boardHere, boardHere)
	return guest(imports, request+next, response, rest)
}

func TestEditsOnABoardAreMadeInTheirOrder(t *testing.T) {
	// x-a, x-b, one, two
	set := []uint64{editSet, 0, 3, 6, 3}
	add := []uint64{editAdd, 0, 3, 9, 3}
	remove := []uint64{editRemove, 3, 3, 0, 0}
	edits := append(append(set, add...), remove...)
	const call = `(call $set (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 9) (i32.const 3))`
	for name, c := range map[string]struct{ request, response, want string }{
		"at the end":             {`(call $note (i32.const 3))`, ``, "x-a=one,two x-b= | x-a="},
		"none":                   {``, ``, "x-a= x-b=was | x-a="},
		"before a call":          {`(call $note (i32.const 2))` + call, ``, "x-a=two x-b=was | x-a="},
		"twice":                  {`(call $note (i32.const 1))` + call + `(call $note (i32.const 2))`, ``, "x-a=one,two x-b=was | x-a="},
		"those of the answer":    {``, `(i32.store8 (i32.const 1049) (i32.const 1)) (call $note (i32.const 1))`, "x-a= x-b=was | x-a=one"},
		"the count is forgotten": {`(call $note (i32.const 1))`, `(if (i32.load (i32.const 1024)) (then (unreachable)))`, "x-a=one x-b=was | x-a="},
	} {
		t.Run(name, func(t *testing.T) {
			w := load(t, boarded("x-ax-bonetwo", edits, c.request, c.response, importSet))
			d := adapter.NewDraft("GET", "/", attr("X-B", "was"), nil)
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

func TestWhoReadsSeesWhatWasEditedOnTheBoard(t *testing.T) {
	w := load(t, boarded("x-ax-bonetwo", []uint64{editSet, 0, 3, 6, 3},
		`(call $note (i32.const 1)) (call $set (i32.const 0) (i32.const 3) (i32.const 3)
			(i32.const 200) (i32.sub (i32.wrap_i64 (call $get (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 200) (i32.const 100))) (i32.const 1)))`, ``, importSet+importGet))
	d := get("/")
	if err := w.pass(d, ok); err != nil {
		t.Fatal(err, w.told())
	}
	if got := field(d, adapter.RequestHeader, "x-b"); got != "one" {
		t.Errorf("it reads %q, want what it has edited", got)
	}
}

func TestMethodAndTargetStandOnTheBoard(t *testing.T) {
	// the lengths, as the guest finds them, make the edit of a field: its value is the head
	request := fmt.Sprintf(`(i64.store (i32.const %d) (i64.add (i64.load32_u (i32.const %d)) (i64.load32_u (i32.const %d)))) (call $note (i32.const 1))`,
		boardHere+boardList+32, boardHere+boardMethod, boardHere+boardTarget)
	w := load(t, boarded("x-head", []uint64{editSet, 0, 6, headHere, 0}, request, ``, ``))
	for _, c := range [][2]string{
		{"/items?a=b", "PATCH/items?a=b"},
		{"/" + strings.Repeat("a", 58), "PATCH/" + strings.Repeat("a", 58)},
		{"/" + strings.Repeat("a", 59), ""}, // no room
		{"", "PATCH/"},
	} {
		d := adapter.NewDraft("PATCH", c[0], nil, nil)
		if err := w.pass(d, ok); err != nil {
			t.Fatal(err, w.told())
		}
		if got := field(d, adapter.RequestHeader, "x-head"); got != c[1] {
			t.Errorf("%q: on the board stands %q, want %q", c[0], got, c[1])
		}
	}
}

func TestMisuseOfABoardTraps(t *testing.T) {
	const far = 1 << 40
	for want, edit := range map[string][]uint64{
		"out of its memory":       {editSet, 0, 3, 4 * 65536, 3},
		"leads out of its memory": {editSet, far, 3, 0, 3},
		"an edit that it notes":   {editSet, 0, 3, 0, far},
		"no edit 0":               {0, 0, 3, 0, 3},
		"no edit 4":               {4, 0, 3, 0, 3},
		"notes the edit 0x1":      {1 << 16, 0, 3, 0, 3},
		"no kind of header 9":     {editSet | 9<<8, 0, 3, 0, 3},
		"has no name":             {editRemove, 0, 0, 0, 3},
		"is no token":             {editSet, 3, 3, 0, 3},
		"feature trailers":        {editSet | 2<<8, 0, 3, 0, 3},
	} {
		t.Run(want, func(t *testing.T) {
			w := load(t, boarded("x-a: x", edit, onPath('x', `(call $note (i32.const 1))`), ``, importURI))
			fails(t, w, want)
		})
	}
	t.Run("room", func(t *testing.T) {
		fails(t, load(t, boarded("x-a", nil, onPath('x', `(call $note (i32.const 5))`), ``, importURI)), "5 edits where there is room for 4")
	})
	t.Run("too late", func(t *testing.T) {
		w := load(t, boarded("x-a", []uint64{editSet, 0, 3, 0, 3}, ``, onPath('x', `(call $note (i32.const 1))`), importURI))
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

func TestBoardThatIsNoneIsRefused(t *testing.T) {
	for want, c := range map[string]struct{ at, room, head uint64 }{
		"outside of its memory": {at: 65530},
		"lies outside":          {at: 65000, room: 100},
		"room for 257 edits":    {at: 1024, room: 257},
		"a head of 65537":       {at: 1024, head: 65537},
	} {
		rest := fmt.Sprintf(`(data (i32.const %d) "%s") (func (export "modgate_capabilities") (result i32) (i32.const 1))
			(func (export "modgate_board") (result i32) (i32.const %d))`, min(c.at+8, 65000), words(c.room<<32, c.head), c.at)
		if c.at == 65000 {
			rest = strings.Replace(rest, "65000", "65008", 1)
		}
		_, err := Load(t.Context(), guest(``, next, ``, rest), options())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
