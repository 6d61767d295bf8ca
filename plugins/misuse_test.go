package plugins

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/plugins/wat"
)

// onPath does what when the path's second byte is the letter, and goes on
// otherwise.
func onPath(letter byte, what string) string {
	return fmt.Sprintf(`(drop (call $get_uri (i32.const 100) (i32.const 1000)))
		(if (i32.eq (i32.load8_u (i32.const 101)) (i32.const %d)) (then %s))`, letter, what)
}

func get(path string) *adapter.Draft { return adapter.NewDraft("GET", path, nil, nil) }

func TestEveryMisuseTrapsAndCostsTheInstance(t *testing.T) {
	call := func(f, sig, args string) (string, string) {
		return `(import "http_handler" "` + f + `" (func $f ` + sig + `))`, `(call $f ` + args + `)`
	}
	type use struct{ imports, code, want string }
	var uses []use
	add := func(want, f, sig, args string, drop bool) {
		i, c := call(f, sig, args)
		if drop {
			c = `(drop ` + c + `)`
		}
		uses = append(uses, use{i, c, want})
	}
	const five = `(i32.const 0) (i32.const 2000) (i32.const 2) (i32.const 2010) (i32.const 2)`
	add("out of its memory", "get_method", `(param i32 i32) (result i32)`, `(i32.const -1) (i32.const 100)`, true)
	add("must be a token", "set_method", `(param i32 i32)`, `(i32.const 0) (i32.const 0)`, false)
	add("must be a token", "set_method", `(param i32 i32)`, `(i32.const 2020) (i32.const 7)`, false)
	add("must be a path", "set_uri", `(param i32 i32)`, `(i32.const 2000) (i32.const 2)`, false)
	add("no kind of header 4", "get_header_names", `(param i32 i32 i32) (result i64)`, `(i32.const 4) (i32.const 0) (i32.const 0)`, true)
	add("has no name", "get_header_values", `(param i32 i32 i32 i32 i32) (result i64)`, `(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)`, true)
	add("has no name", "set_header_value", `(param i32 i32 i32 i32 i32)`, `(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)`, false)
	add("is no token", "add_header_value", `(param i32 i32 i32 i32 i32)`, `(i32.const 0) (i32.const 2027) (i32.const 3) (i32.const 0) (i32.const 0)`, false)
	add("feature trailers", "add_header_value", `(param i32 i32 i32 i32 i32)`, strings.Replace(five, "0", "2", 1), false)
	add("has no name", "remove_header", `(param i32 i32 i32)`, `(i32.const 0) (i32.const 0) (i32.const 0)`, false)
	add("no room", "read_body", `(param i32 i32 i32) (result i64)`, `(i32.const 0) (i32.const 0) (i32.const 0)`, true)
	add("no kind of body 2", "read_body", `(param i32 i32 i32) (result i64)`, `(i32.const 2) (i32.const 0) (i32.const 5)`, true)
	add("no kind of body 9", "write_body", `(param i32 i32 i32)`, `(i32.const 9) (i32.const 0) (i32.const 5)`, false)
	add("status 99", "set_status_code", `(param i32)`, `(i32.const 99)`, false)
	uses = append(uses,
		use{``, `(unreachable)`, "unreachable"},
		use{``, `(return (i64.const 2))`, "next = 2"},
		use{``, `(drop (i32.load (i32.const -4)))`, "out of bounds"},
		use{``, `(loop $l (br $l))`, "more work than its budget"},
		use{`(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))`, `(call $exit (i32.const 3))`, "exit_code(3)"},
		use{`(import "modgate_adapter_v1" "emit" (func $emit (param i32) (result i32)))`, `(drop (call $emit (i32.const 16)))`, "emit is for lifecycle_decode"},
		use{`(import "modgate_adapter_v1" "set_attr" (func $attr (param i32 i32 i32 i32)))`, `(call $attr (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))`, "set_attr is for"},
		use{`(import "http_handler" "remove_header" (func $remove (param i32 i32 i32)))`, `(loop $l (call $remove (i32.const 0) (i32.const 2000) (i32.const 1)) (br $l))`, "changes more than 256 fields"},
		use{importSet, `(loop $l (call $set (i32.const 0) (i32.const 2000) (i32.const 1) (i32.const 3000) (i32.const 40000)) (br $l))`, "writes more than 65536 bytes of fields"},
		use{`(import "http_handler" "write_body" (func $write (param i32 i32 i32)))`, `(loop $l (call $write (i32.const 0) (i32.const 0) (i32.const 60000)) (br $l))`, "writes a body of more than 1MiB"},
		use{`(import "http_handler" "write_body" (func $write (param i32 i32 i32)))`, `(loop $l (call $write (i32.const 1) (i32.const 0) (i32.const 60000)) (br $l))`, "writes a body of more than 1MiB"},
		use{`(import "modgate_adapter_v1" "emit_event" (func $emit (param i32 i32) (result i32)))`, `(drop (call $emit (i32.const 0) (i32.const 1)))`, "emit_event is for lifecycle_decode"},
		use{``, `(call $deep)`, "stack overflow"},
		use{``, `(unreachable)`, "unreachable"},
		use{`(import "env" "abort" (func $abort (param i32 i32 i32 i32)))`, `(call $abort (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 8))`, "abort: , in :7:8"},
	)
	for _, u := range uses {
		t.Run(u.want, func(t *testing.T) {
			code := guest(importURI+u.imports, onPath('x', u.code)+next, ``, `(func $deep (call $deep)) (data (i32.const 2000) "abcdefghij0123456789CONNECT\0d\0a:")`)
			times, budget := 2, 500*time.Millisecond
			if u.want == "stack overflow" {
				times, budget = 1, time.Minute // and it is kept off
			}
			w := load(t, code, func(o *Options) { o.Plugin.Budget.Request = budget })
			for range times {
				if err := w.pass(get("/x"), ok); !errors.Is(err, ErrFailed) {
					t.Fatalf("got %v, want ErrFailed", err)
				}
			}
			told := w.told()
			if len(told) != times || !strings.Contains(told[0].Text, u.want) || told[0].Hook != "handle_request" {
				t.Fatalf("told %+v, want %s", told, u.want)
			}
			if f := told[0]; strings.Contains(f.Text, "\n") || strings.Contains(f.Text, "recovered") || f.Kind == adapter.Trap && f.Trace == "" {
				t.Errorf("told %q, and where: %q", f.Text, f.Trace)
			}
			if err := w.pass(get("/y"), ok); (err != nil) != (told != nil && told[len(told)-1].Quarantined) {
				t.Errorf("the next request: %v", err)
			}
		})
	}
}

func TestMisuseInAnAnswerTrapsToo(t *testing.T) {
	const status = `(import "http_handler" "set_method" (func $method (param i32 i32))) (import "http_handler" "remove_header" (func $remove (param i32 i32 i32)))`
	for what, want := range map[string]string{
		`(drop (call $read (i32.const 1) (i32.const 0) (i32.const 9)))`:                              "feature buffer_response to read",
		`(call $write (i32.const 1) (i32.const 0) (i32.const 9))`:                                    "feature buffer_response to write",
		`(call $write (i32.const 0) (i32.const 0) (i32.const 9))`:                                    "too late to change the request's body",
		`(call $set_uri (i32.const 0) (i32.const 0))`:                                                "too late to change the URI",
		`(call $method (i32.const 2000) (i32.const 1))`:                                              "too late to change the method",
		`(call $remove (i32.const 0) (i32.const 2000) (i32.const 1))`:                                "too late to change a request header",
		`(call $remove (i32.const 2) (i32.const 2000) (i32.const 1))`:                                "too late to change a request trailer",
		`(call $remove (i32.const 3) (i32.const 2000) (i32.const 1))`:                                "feature trailers to change a response trailer",
		`(call $set (i32.const 1) (i32.const 2000) (i32.const 0) (i32.const 0) (i32.const 0))`:       "a header has no name",
		`(call $set (i32.const 1) (i32.const 2000) (i32.const 1) (i32.const 65530) (i32.const 100))`: "out of its memory",
		`(call $set (i32.const 9) (i32.const 2000) (i32.const 1) (i32.const 0) (i32.const 0))`:       "no kind of header 9",
	} {
		w := load(t, guest(importURI+importSet+importBody+status, next, onPath('x', what), `(data (i32.const 2000) "abc")`))
		if err := w.pass(get("/x"), ok); !errors.Is(err, ErrFailed) {
			t.Errorf("%s: got %v, want ErrFailed", what, err)
		}
		if told := w.told(); len(told) != 1 || !strings.Contains(told[0].Text, want) || told[0].Hook != "handle_response" || told[0].Kind != adapter.Misuse {
			t.Errorf("%s: told %+v, want %s", what, told, want)
		}
		if err := w.pass(get("/y"), ok); err != nil {
			t.Errorf("%s: the next request: %v", what, err)
		}
	}
}

func TestMisuseOfTheExtensionTraps(t *testing.T) {
	const imports = `(import "modgate_adapter_v1" "set_attr" (func $attr (param i32 i32 i32 i32)))`
	translator := func(encode, reply, decode, judge string) []byte {
		return wat.Must(`(module ` + imports + ` (memory (export "memory") 1) (global $n (mut i32) (i32.const 0))
			(func (export "modgate_capabilities") (result i32) (i32.const 60))
			(func (export "lifecycle_encode") (param i32) (result i64) ` + encode + `)
			(func (export "lifecycle_reply") (param i32 i32) (result i32) ` + reply + `)
			(func (export "lifecycle_decode") (result i32) ` + decode + `)
			(func (export "health_request") (result i64) (i64.const 0))
			(func (export "health_response") (param i32 i32) (result i32) ` + judge + `))`)
	}
	const fine, sent = `(i32.const 0)`, `(i64.const 1)`
	e := event("billing")
	decode := func(w *world) error { _, err := w.Decode(get("/")); return err }
	for name, c := range map[string]struct {
		code []byte
		call func(w *world) error
		hook string
		want string
	}{
		"encode returns 3": {translator(`(i64.const 3)`, fine, fine, fine), func(w *world) error { _, err := w.Encode(e, notice(t, e)); return err }, "lifecycle_encode", "returned 3"},
		"reply returns 4":  {translator(sent, `(i32.const 4)`, fine, fine), func(w *world) error { _, err := w.Reply(adapter.Call{}, notice(t, e), true); return err }, "lifecycle_reply", "returned 4"},
		"judge returns 5":  {translator(sent, fine, fine, `(i32.const 5)`), func(w *world) error { _, _ = w.Judge(adapter.Call{}, get("/"), true); return ErrFailed }, "health_response", "returned 5"},
		"no name":          {translator(sent, fine, `(call $attr (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 0)`, fine), decode, "lifecycle_decode", "a name of 1 to 64 bytes"},
		"a long name":      {translator(sent, fine, `(call $attr (i32.const 0) (i32.const 65) (i32.const 0) (i32.const 0)) (i32.const 0)`, fine), decode, "lifecycle_decode", "a name of 1 to 64 bytes"},
		"a long value":     {translator(sent, fine, `(call $attr (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4097)) (i32.const 0)`, fine), decode, "lifecycle_decode", "at most 4096 bytes"},
		"many": {translator(sent, fine, `(loop $l (i32.store (i32.const 0) (global.get $n)) (global.set $n (i32.add (global.get $n) (i32.const 1)))
			(call $attr (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0)) (br $l)) (i32.const 0)`, fine), decode, "lifecycle_decode", "more than 64 attributes"},
		"while it encodes": {translator(`(call $attr (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)) (i64.const 1)`, fine, fine, fine), func(w *world) error { _, err := w.Encode(e, notice(t, e)); return err }, "lifecycle_encode", "set_attr is for"},
	} {
		t.Run(name, func(t *testing.T) {
			w := load(t, c.code)
			if err := c.call(w); !errors.Is(err, ErrFailed) {
				t.Errorf("got %v, want ErrFailed", err)
			}
			if told := w.told(); len(told) != 1 || !strings.Contains(told[0].Text, c.want) || told[0].Hook != c.hook {
				t.Errorf("told %+v, want %s", told, c.want)
			}
		})
	}
}

// What a module or an author may have got wrong is answered with a number, and
// is no trap.
func TestWhatIsWrongInAnEventIsANumber(t *testing.T) {
	const imports = importURI + `(import "modgate_adapter_v1" "emit_event" (func $event (param i32 i32) (result i32)))
		(import "modgate_adapter_v1" "emit" (func $emit (param i32) (result i32)))
		(import "modgate_adapter_v1" "get_event" (func $get (param i32 i32) (result i32)))
		(import "modgate_adapter_v1" "get_attr" (func $attr (param i32 i32 i32 i32) (result i32)))
		(import "modgate_adapter_v1" "get_property" (func $property (param i32 i32 i32 i32) (result i32)))
		(import "modgate_adapter_v1" "kv_set" (func $keep (param i32 i32 i32 i32 i32) (result i32)))
		(import "modgate_adapter_v1" "kv_get" (func $kept (param i32 i32 i32 i32) (result i32)))
		(import "modgate_adapter_v1" "features" (func $features (param i32) (result i32)))`
	uses := []struct {
		code string
		want int32
	}{
		{`(call $event (i32.const 0) (i32.const 3))`, invalid},   // no JSON
		{`(call $event (i32.const 100) (i32.const 2))`, invalid}, // {}: no type
		{`(call $event (i32.const 0) (i32.const 65537))`, full},  // too long
		{`(call $emit (i32.const 1))`, invalid},                  // a DELAY is not a module's to say
		{`(call $get (i32.const 0) (i32.const 9))`, absent},      // there is no event
		{`(call $attr (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 9))`, absent},
		{`(call $property (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 9))`, absent},
		{`(call $kept (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 9))`, absent},
		{`(call $keep (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3) (i32.const 0))`, full}, // nothing is shared
		{`(call $features (i32.const 15))`, 7},
	}
	for _, u := range uses {
		code := wat.Must(`(module ` + imports + ` (memory (export "memory") 2) (data (i32.const 0) "abc") (data (i32.const 100) "{}")
			(func (export "modgate_capabilities") (result i32) (i32.const 8))
			(func (export "lifecycle_decode") (result i32) (i32.sub (i32.const 0) (i32.eq ` + u.code + ` (i32.const ` + fmt.Sprint(u.want) + `)))))`)
		w := load(t, code)
		if out, err := w.Decode(get("/")); err != nil || !out.Malformed || slices.ContainsFunc(w.told(), func(adapter.Fault) bool { return true }) {
			t.Errorf("%s is not %d: %+v, %v", u.code, u.want, out, err)
		}
	}
}

func TestNothingCanBeAskedOfARequestWhileAGuestBegins(t *testing.T) {
	code := guest(importURI, next, ``, `(func $s (drop (call $get_uri (i32.const 0) (i32.const 0)))) (start $s)`)
	if _, err := Load(t.Context(), code, options()); err == nil || !strings.Contains(err.Error(), "there is no request while the guest begins") {
		t.Errorf("got %v", err)
	}
}

// AssemblyScript's own imports.
func TestSeedAndTraceAreThere(t *testing.T) {
	w := load(t, guest(importURI+`(import "env" "seed" (func $seed (result f64))) (import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))`,
		`(call $trace (i32.const 8) (i32.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0))
		(if (f64.eq (call $seed) (call $seed)) (then (unreachable)))`+next, ``, ``))
	if err := w.pass(get("/"), ok); err != nil {
		t.Error(err, w.told())
	}
}
