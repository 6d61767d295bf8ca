package plugins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/sdk-wasm/project"
)

// goGuest is testdata/guest, benchGuest testdata/bench, sdkGuest the same with
// the SDK, floorGuest testdata/floor; each is built once.
var (
	goGuest    = sync.OnceValues(func() ([]byte, error) { return buildGo("guest") })
	benchGuest = sync.OnceValues(func() ([]byte, error) { return buildGo("bench") })
	sdkGuest   = sync.OnceValues(func() ([]byte, error) { return buildGo("sdk") })
	floorGuest = sync.OnceValues(func() ([]byte, error) { return buildGo("floor") })
)

// buildGo builds a guest with the mainline toolchain.
func buildGo(name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "guest.wasm")
	source := project.Source{Language: "go", Path: filepath.Join("testdata", name)}
	if err := source.Build(context.Background(), file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// cacheOfTests keeps the compiled guest for all tests of this process.
var cacheOfTests = sync.OnceValues(func() (*Cache, error) {
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		return nil, err
	}
	return OpenCache(dir)
})

// loadGo loads the Go guest.
func loadGo(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a guest")
	}
	code, err := goGuest()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := cacheOfTests()
	if err != nil {
		t.Fatal(err)
	}
	generous := func(o *Options) {
		o.Cache = cache
		o.Plugin.Budget = config.Budget{Start: time.Minute, Request: time.Second, Lifecycle: time.Second, Probe: time.Second}
	}
	return load(t, code, append([]func(*Options){generous}, change...)...)
}

// do asks the guest for something, and returns the exchange.
func (w *world) do(what string, fields ...string) *adapter.Draft {
	w.t.Helper()
	d := adapter.NewDraft("POST", "/a?b=%26", attr(append([]string{"X-Do", what}, fields...)...), []byte("0123456789"))
	d.Properties = map[string]string{"module.name": "billing"}
	if err := w.pass(d, ok); err != nil {
		w.t.Fatalf("%s: %v: %+v", what, err, w.told())
	}
	return d
}

func field(d *adapter.Draft, p adapter.Part, name string) string {
	v, _ := d.Fields(p).Get(name)
	return string(v)
}

func TestGoGuestUsesEveryFunction(t *testing.T) {
	var log syncBuffer
	w := loadGo(t, func(o *Options) {
		o.Plugin.Config, o.Plugin.Shared = "configured", 1024
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	if h := w.Hooks(); h != 63 {
		t.Errorf("hooks %b, want all", h)
	}

	d := w.do("see", "Many", "1", "mANY", "2")
	if got, want := field(d, adapter.RequestHeader, "seen"), "POST /a?b=%26 HTTP/1.1  [x-do many] [1 2] [] [] [] configured"; got != want {
		t.Errorf("it sees %q, want %q", got, want)
	}
	d = w.do("edit", "Many", "1", "many", "2")
	var fields []string
	for _, f := range d.Fields(adapter.RequestHeader).All() {
		fields = append(fields, string(f.Name)+": "+string(f.Value))
	}
	if got, want := fmt.Sprintf("%s %s %q %s", d.Method(), d.Target(), fields, field(d, adapter.RequestTrailer, "T")),
		`PUT /new%20path?q=%0D%0Ax%23y ["Many: one" "Many: two  Injected: yes"] trailing`; got != want {
		t.Errorf("it makes %s, want %s", got, want)
	}
	if got := field(w.do("body"), adapter.RequestHeader, "read"); got != "0123456789 2" {
		t.Errorf("it reads %q", got)
	}
	d = w.do("write")
	if b, _ := d.Body(adapter.Request, 100); string(b) != "one two" {
		t.Errorf("it writes %q", b)
	}
	d = w.do("answer")
	if b, _ := d.Body(adapter.Response, 100); d.Status() != 418 || string(b) != "short" || field(d, adapter.ResponseHeader, "x-tea") != "pot" || field(d, adapter.ResponseHeader, "x-asked") != "" {
		t.Errorf("it answers %d %s", d.Status(), b)
	}
	d = w.do("buffer")
	if b, _ := d.Body(adapter.Response, 100); d.Status() != 202 || string(b) != "HELLO" || field(d, adapter.RequestHeader, "features") != "6" ||
		field(d, adapter.ResponseHeader, "x-status") != "200" || field(d, adapter.ResponseTrailer, "x-sum") != "[]" {
		t.Errorf("it makes %d %s of the answer", d.Status(), b)
	}
	if d := w.do("goroutines"); field(d, adapter.RequestHeader, "sum") != "45" || field(d, adapter.ResponseHeader, "x-asked") != "goroutines" {
		t.Error("goroutines and channels do not work")
	}
	d = w.do("properties")
	if got, want := field(d, adapter.RequestHeader, "properties"), "billing 1.2.3 billing 1 -"; strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("properties %q, want %q", got, want)
	}
	if got := field(d, adapter.RequestHeader, "kv"); got != "15 -1 0value-3" {
		t.Errorf("kept %q", got)
	}
	w.do("log")
	for _, want := range []string{`level=INFO msg="adapter: said"`, `level=INFO msg="adapter: printed"`, `level=WARN msg="adapter: half a line, and the rest"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
}

// syncBuffer is a buffer for a logger.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestGoGuestIsInASandbox(t *testing.T) {
	w := loadGo(t)
	first, second := w.do("sandbox"), w.do("sandbox")
	if got := field(first, adapter.RequestHeader, "sandbox"); got != "true true [] 0" {
		t.Errorf("no file read, none written, environment, arguments: %s", got)
	}
	if a, b := field(first, adapter.RequestHeader, "random"), field(second, adapter.RequestHeader, "random"); a == b || len(a) != 16 {
		t.Errorf("random numbers %s and %s", a, b)
	}
	var diff time.Duration
	if _, err := fmt.Sscan(field(first, adapter.RequestHeader, "clock"), &diff); err != nil || diff.Abs() > time.Minute {
		t.Errorf("its clock is off by %v, %v", diff, err)
	}
}

func TestGoGuestIsStopped(t *testing.T) {
	for do, kind := range map[string]adapter.Kind{
		"panic": adapter.Trap, "spin": adapter.Overtime, "sleep": adapter.Overtime, "memory": adapter.Trap,
		"late": adapter.Misuse, "unbuffered": adapter.Misuse,
	} {
		t.Run(do, func(t *testing.T) {
			w := loadGo(t, func(o *Options) {
				if o.Plugin.Budget.Request = time.Minute; kind == adapter.Overtime {
					o.Plugin.Budget.Request = 200 * time.Millisecond
				}
			})
			d := adapter.NewDraft("GET", "/", attr("X-Do", do), nil)
			began := time.Now()
			if err := w.pass(d, ok); !errors.Is(err, ErrFailed) {
				t.Errorf("got %v, want ErrFailed", err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v to stop it", took)
			}
			if told := w.told(); len(told) != 1 || told[0].Kind != kind {
				t.Errorf("told %+v, want %s", told, kind)
			}
			w.do("see") // by another instance
		})
	}
}

func TestGoGuestRefusesItsConfiguration(t *testing.T) {
	var log syncBuffer
	if testing.Short() {
		t.Skip("builds a guest")
	}
	code, err := goGuest()
	if err != nil {
		t.Fatal(err)
	}
	o := options(func(o *Options) {
		o.Plugin.Config, o.Log = "wrong", slog.New(slog.NewTextHandler(&log, nil))
		o.Plugin.Budget.Start = time.Minute
		o.Cache, _ = cacheOfTests()
	})
	if _, err := Load(t.Context(), code, o); err == nil || !strings.Contains(err.Error(), "with code 3") || !strings.Contains(log.String(), "the configuration is wrong") {
		t.Errorf("got %v, log %s", err, log.String())
	}
}

// TestThousandRequestsInFlightShareInstances holds memory to the number of
// processors, not of requests.
func TestThousandRequestsInFlightShareInstances(t *testing.T) {
	w := loadGo(t)
	type begun struct {
		d *adapter.Draft
		c adapter.Call
	}
	var all []begun
	for i := range 1000 {
		d := adapter.NewDraft("GET", "/", attr("X-Do", fmt.Sprint(i)), nil)
		c, err := w.Request(d)
		if err != nil || !c.Response {
			t.Fatal(err)
		}
		all = append(all, begun{d, c})
	}
	if v := w.View(); v.Instances > w.current.Load().most() {
		t.Errorf("%d instances for 1,000 requests in flight, want at most %d", v.Instances, w.current.Load().most())
	}
	for i, b := range all {
		ok(b.d)
		if err := w.Response(b.c, b.d, false); err != nil {
			t.Fatal(err)
		}
		if got := field(b.d, adapter.ResponseHeader, "x-asked"); got != fmt.Sprint(i) {
			t.Fatalf("request %d is answered as %s", i, got)
		}
	}
}
