package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/plugins/wat"
)

// world is a plugin with everything that it told.
type world struct {
	t *testing.T
	*Plugin
	mu     sync.Mutex
	faults []adapter.Fault // guarded by mu
	mended int             // guarded by mu
}

// options returns the defaults, changed.
func options(change ...func(*Options)) Options {
	o := Options{Name: "billing", Plugin: config.DefaultPlugin(), Version: "1.2.3", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	o.Plugin.Budget.Request = 500 * time.Millisecond // the tests' machine may be busy
	for _, c := range change {
		c(&o)
	}
	return o
}

func load(t *testing.T, code []byte, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t}
	o := options(change...)
	o.Fault = func(f adapter.Fault) { w.mu.Lock(); defer w.mu.Unlock(); w.faults = append(w.faults, f) }
	o.Mended = func(string) { w.mu.Lock(); defer w.mu.Unlock(); w.mended++ }
	p, err := Load(t.Context(), code, o)
	if err != nil {
		t.Fatal(err)
	}
	w.Plugin = p
	t.Cleanup(p.Close)
	return w
}

// told returns the faults since the last call.
func (w *world) told() []adapter.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.faults
	w.faults = nil
	return f
}

func attr(nv ...string) (a []adapter.Attribute) {
	for i := 0; i < len(nv); i += 2 {
		a = append(a, adapter.Attribute{Name: nv[i], Value: nv[i+1]})
	}
	return a
}

// pass sends a request through the plugin, with the answer of the module, and
// returns what left on both sides.
func (w *world) pass(d *adapter.Draft, answer func(d *adapter.Draft)) error {
	c, err := w.Request(d)
	if err != nil {
		return err
	}
	if c.Next {
		answer(d)
	}
	if c.Response {
		return w.Response(c, d, false)
	}
	return nil
}

func ok(d *adapter.Draft) { d.Answer(200, attr("Content-Type", "text/plain"), nil, []byte("hello")) }

// guest is a module with the handler's exports around what is given.
func guest(imports, handleRequest, handleResponse, rest string) []byte {
	return wat.Must(`(module ` + imports + ` (memory (export "memory") 1 4)
		(func (export "handle_request") (result i64) ` + handleRequest + `)
		(func (export "handle_response") (param i32 i32) ` + handleResponse + `) ` + rest + `)`)
}

const (
	next       = ` (i64.const 1)`
	importURI  = `(import "http_handler" "get_uri" (func $get_uri (param i32 i32) (result i32))) (import "http_handler" "set_uri" (func $set_uri (param i32 i32)))`
	importSet  = `(import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))`
	importBody = `(import "http_handler" "read_body" (func $read (param i32 i32 i32) (result i64))) (import "http_handler" "write_body" (func $write (param i32 i32 i32)))`
	importFeat = `(import "http_handler" "enable_features" (func $features (param i32) (result i32)))`
)

// pathIntoHeader copies the path into x-path, and marks the answer.
var pathIntoHeader = guest(importURI+importSet,
	`(call $set (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 100) (call $get_uri (i32.const 100) (i32.const 1000)))`+next,
	`(call $set (i32.const 1) (i32.const 6) (i32.const 6) (i32.const 12) (i32.const 4))`, `(data (i32.const 0) "x-pathx-seenyes!")`)

func TestGuestEditsRequestAndAnswer(t *testing.T) {
	w := load(t, pathIntoHeader)
	d := adapter.NewDraft("GET", "/items/1?a=b", nil, nil)
	if err := w.pass(d, ok); err != nil {
		t.Fatal(err)
	}
	if v, _ := d.Fields(adapter.RequestHeader).Get("X-Path"); string(v) != "/items/1?a=b" {
		t.Errorf("x-path is %q", v)
	}
	if v, _ := d.Fields(adapter.ResponseHeader).Get("X-Seen"); string(v) != "yes!" {
		t.Errorf("x-seen is %q", v)
	}
	if v := w.View(); v.State != "running" || v.Generation != 1 || v.Calls < 4 || v.Instances == 0 || len(v.SHA256) != 64 || fmt.Sprint(v.Hooks) != "[request response]" {
		t.Errorf("view %+v", v)
	}
}

func TestFileIsRefusedAtTheStepThatFails(t *testing.T) {
	plain := func(imports string) []byte { return guest(imports, next, ``, ``) }
	for name, c := range map[string]struct {
		code   []byte
		change func(*Options)
		want   string
	}{
		"another hash":            {plain(``), func(o *Options) { o.Plugin.SHA256 = strings.Repeat("ab", 32) }, "check: its sha256 is "},
		"a component":             {[]byte("\x00asm\x0d\x00\x01\x00"), nil, "rewrite: it is a component: build it for wasip1"},
		"text":                    {[]byte("hello"), nil, "rewrite: it is not a WebAssembly module"},
		"unknown imports":         {plain(`(import "env" "dial" (func)) (import "wasi_snapshot_preview1" "sock_open" (func)) (import "x" "m" (memory 1))`), nil, "check: it imports what the gateway does not have: env.dial, wasi_snapshot_preview1.sock_open, x.m (memory)"},
		"our own import":          {plain(`(import "modgate_fuel" "refill" (func (result i64)))`), nil, "does not have: modgate_fuel.refill"},
		"a known one, but not so": {plain(`(import "http_handler" "get_uri" (func (param i64)))`), nil, "begin: "},
		"no exports":              {wat.Must(`(module (memory (export "memory") 1))`), nil, "it is no adapter"},
		"no memory":               {wat.Must(`(module (func (export "handle_request") (result i64) (i64.const 1)) (func (export "handle_response") (param i32 i32)))`), nil, "does not export its memory"},
		"another signature":       {wat.Must(`(module (memory (export "memory") 1) (func (export "handle_request") (result i32) (i32.const 1)) (func (export "handle_response") (param i32 i32)))`), nil, "it exports handle_request() -> (i)"},
		"hooks, and no mask":      {guest(``, next, ``, `(func (export "lifecycle_decode") (result i32) (i32.const 0))`), nil, "and not modgate_capabilities"},
		"a mask without a hook":   {guest(``, next, ``, `(func (export "modgate_capabilities") (result i32) (i32.const 4))`), nil, "does not export lifecycle_encode"},
		"an unknown mask":         {guest(``, next, ``, `(func (export "modgate_capabilities") (result i32) (i32.const 4096))`), nil, "does not know 0x1000"},
		"its configuration":       {guest(``, next, ``, `(func (export "modgate_capabilities") (result i32) (i32.const 3)) (func (export "modgate_configure") (result i32) (i32.const 7))`), nil, "configure: it refuses its configuration with code 7"},
		"a trap at the start":     {guest(``, next, ``, `(func $s (unreachable)) (start $s)`), nil, "begin: "},
		"a loop at the start":     {guest(``, next, ``, `(func $s (loop $l (br $l))) (start $s)`), func(o *Options) { o.Plugin.Budget.Start = 5 * time.Millisecond }, "more work than its budget"},
		"a trap at a request":     {guest(``, `(unreachable)`, ``, ``), nil, "self-test: GET /: "},
		"too much memory":         {wat.Must(`(module (memory (export "memory") 300) (func (export "handle_request") (result i64) (i64.const 1)) (func (export "handle_response") (param i32 i32)))`), nil, "compile: "},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			if c.change != nil {
				c.change(&o)
			}
			p, err := Load(t.Context(), c.code, o)
			if err == nil {
				p.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestClientIsNotToldWhatAGuestSays(t *testing.T) {
	w := load(t, guest(importURI, onPath('x', `(unreachable)`)+next, ``, ``))
	_, err := w.Request(get("/x"))
	if err == nil || err.Error() != ErrFailed.Error() {
		t.Errorf("got %v, want nothing but %v", err, ErrFailed)
	}
}

func TestSkipGoesOnAsIfThereWereNone(t *testing.T) {
	edited := importURI + importSet
	set := `(call $set (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 1))`
	w := load(t, guest(edited, set+onPath('x', `(unreachable)`)+next, onPath('y', `(unreachable)`), `(data (i32.const 0) "x-pathx-seenyes!")`),
		func(o *Options) { o.Plugin.OnError = config.Skip })
	d := get("/x")
	if err := w.pass(d, ok); err != nil {
		t.Fatal(err)
	}
	if n := len(d.Fields(adapter.RequestHeader).All()); n != 0 {
		t.Errorf("%d fields of a guest that crashed survive", n)
	}
	if err := w.pass(get("/y"), ok); err != nil {
		t.Fatal(err)
	}
	if told := w.told(); len(told) != 2 || told[1].Hook != "handle_response" {
		t.Errorf("told %+v, want both faults", told)
	}
}

func TestQuarantineKeepsOffAGuestThatCrashes(t *testing.T) {
	w := load(t, guest(importURI, onPath('x', `(unreachable)`)+next, ``, ``))
	for range tolerated {
		_ = w.pass(get("/x"), ok)
	}
	told := w.told()
	if len(told) != tolerated || told[tolerated-2].Quarantined || !told[tolerated-1].Quarantined {
		t.Fatalf("told %+v, want the last to lead to quarantine", told)
	}
	if v := w.View(); v.State != "quarantined" || v.Until == nil {
		t.Errorf("view %+v", v)
	}
	if err := w.pass(get("/y"), ok); !errors.Is(err, ErrFailed) {
		t.Errorf("in quarantine: %v, want ErrFailed", err)
	}
	if told := w.told(); told != nil {
		t.Errorf("told %+v of a guest that was not asked", told)
	}
}

func TestGuestInQuarantineEndsWhatItBegan(t *testing.T) {
	// the second byte of the path is its number for the request, and what it is told last goes to 200
	w := load(t, guest(importURI, `(drop (call $get_uri (i32.const 100) (i32.const 1000))) (i64.or (i64.const 1) (i64.shl (i64.load8_u (i32.const 101)) (i64.const 32)))`,
		`(i32.store (i32.const 200) (local.get 0)) (i32.store (i32.const 204) (local.get 1)) (if (i32.eq (local.get 0) (i32.const 98)) (then (unreachable)))`, ``))
	var begun []adapter.Call
	paths := []string{"/a", "/b"}
	for _, path := range paths {
		c, err := w.Request(get(path))
		if err != nil {
			t.Fatal(err)
		}
		begun = append(begun, c)
	}
	w.current.Load().health.until.Store(math.MaxInt64)
	for n, path := range paths {
		i := begun[n].Guest.(*instance)
		d := get(path)
		ok(d)
		if err := w.Response(begun[n], d, false); !errors.Is(err, ErrFailed) {
			t.Errorf("%s: %v, want ErrFailed", path, err)
		}
		if got, _ := i.memory.ReadUint64Le(200); got != uint64(path[1])|1<<32 {
			t.Errorf("%s: the guest was told %#x, want the number of its request, and that there is no answer", path, got)
		}
		crashes := path == "/b"
		if told := w.told(); (len(told) == 1) != crashes || i.dead != crashes || i.pending != len(paths)-1-n {
			t.Errorf("%s: told %+v, dead %v, %d pending", path, told, i.dead, i.pending)
		}
	}
}

func TestQuarantineBacksOffAndEnds(t *testing.T) {
	var h health
	now := time.Unix(1000, 0)
	clock := func() time.Time { return now }
	fail := func() (quarantined bool) {
		for range tolerated {
			quarantined = h.fault(now, adapter.Trap) || quarantined
		}
		return quarantined
	}
	for i := range tolerated { // too seldom
		if h.fault(now.Add(time.Duration(i)*faultWindow), adapter.Trap) {
			t.Fatal("faults that are far apart lead to quarantine")
		}
	}
	now = now.Add(time.Hour)
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if !fail() || !h.ill(clock) {
			t.Fatal("want quarantine")
		}
		now = now.Add(want*time.Second - 1)
		if !h.ill(clock) {
			t.Fatalf("it ended before %d s", want)
		}
		if now = now.Add(1); h.ill(clock) {
			t.Fatalf("it lasts longer than %d s", want)
		}
		if h.worked(now) {
			t.Fatal("it is over at once")
		}
	}
	if now = now.Add(time.Minute); !h.worked(now) || h.worked(now) {
		t.Error("a guest that works is not well, once")
	}
	if h.fault(now, adapter.Trap) {
		t.Error("one fault of a guest that was well leads to quarantine")
	}
	if !h.fault(now, adapter.Overflow) {
		t.Error("a stack overflow does not lead to quarantine at once")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	w := load(t, guest(importURI+importSet, `(global.set $got (memory.grow (i32.const 1000)))
		(i32.store8 (i32.const 6) (i32.add (i32.const 110) (global.get $got)))
		(call $set (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 1))`+next, ``,
		`(global $got (mut i32) (i32.const 0)) (data (i32.const 0) "x-grow")`))
	d := get("/")
	if err := w.pass(d, ok); err != nil {
		t.Fatal(err)
	}
	if v, _ := d.Fields(adapter.RequestHeader).Get("x-grow"); string(v) != "m" { // 'n' - 1
		t.Errorf("growing by 1000 pages gave %q, want -1", v)
	}
}

func TestReplacedGenerationEndsWhatItBegan(t *testing.T) {
	mark := func(c string) []byte {
		return guest(importSet, `(call $set (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 1))`+next,
			`(call $set (i32.const 1) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 1))`, `(data (i32.const 0) "x-mark`+c+`")`)
	}
	w := load(t, mark("1"))
	d := get("/")
	c, err := w.Request(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Replace(context.Background(), []byte("bad")); err == nil {
		t.Error("a bad file was put in force")
	}
	if err := w.Replace(context.Background(), mark("2")); err != nil {
		t.Fatal(err)
	}
	ok(d)
	if err := w.Response(c, d, false); err != nil {
		t.Fatal(err)
	}
	if v, _ := d.Fields(adapter.ResponseHeader).Get("x-mark"); string(v) != "1" {
		t.Errorf("generation %s ended what the first began", v)
	}
	d = get("/")
	if err := w.pass(d, ok); err != nil {
		t.Fatal(err)
	}
	if v, _ := d.Fields(adapter.RequestHeader).Get("x-mark"); string(v) != "2" {
		t.Errorf("generation %s took a new request, want the second", v)
	}
	w.Close()
	if c, err := w.Request(get("/")); err != nil || !c.Next || w.Hooks() != 0 {
		t.Errorf("a closed plugin: %+v, %v", c, err)
	}
}

func TestBodyBeyondTheBoundIsTooLarge(t *testing.T) {
	code := guest(importBody+importFeat, `(drop (call $read (i32.const 0) (i32.const 0) (i32.const 16)))`+next, ``, ``)
	small := func(o *Options) { o.Plugin.Body = 8 }
	w := load(t, code, small)
	if _, err := w.Request(adapter.NewDraft("POST", "/", nil, []byte("123456789"))); !errors.Is(err, adapter.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if err := w.pass(adapter.NewDraft("POST", "/", nil, []byte("12345678")), ok); err != nil {
		t.Error(err)
	}
	if told := w.told(); told != nil {
		t.Errorf("the client's fault counts as the guest's: %+v", told)
	}
}
