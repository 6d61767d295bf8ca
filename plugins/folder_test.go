package plugins

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/plugins/wat"
)

// marking is a guest that says which one it is, on both sides.
func marking(mark string) []byte {
	return guest(importSet, `(call $set (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 2))`+next,
		`(call $set (i32.const 1) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 2))`, fmt.Sprintf(`(data (i32.const 0) "x-mark%-2s")`, mark))
}

// folder is a Folder with a tester's hand on it.
type folder struct {
	*Folder
	t     *testing.T
	dir   string
	slots adapter.Slots
	said  []string // refused and accepted
	clock time.Time
}

func openFolder(t *testing.T, files map[string][]byte, modules ...config.Module) *folder {
	t.Helper()
	f := &folder{t: t, dir: t.TempDir(), clock: time.Unix(1_700_000_000, 0)}
	for name, code := range files {
		f.drop(name, code)
	}
	f.Folder = OpenFolder(FolderOptions{
		Dir: f.dir, Slots: &f.slots, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Every: time.Hour,
		Refused:  func(name string, why error) { f.said = append(f.said, "refused "+name+": "+why.Error()) },
		Accepted: func(name string) { f.said = append(f.said, "accepted "+name) },
	}, modules)
	t.Cleanup(f.Close)
	return f
}

// drop renames a file into the folder.
func (f *folder) drop(name string, code []byte) {
	f.t.Helper()
	f.clock = f.clock.Add(time.Second)
	tmp := filepath.Join(f.dir, ".new")
	path := filepath.Join(f.dir, name+".wasm")
	for _, err := range []error{os.WriteFile(tmp, code, 0o600), os.Chtimes(tmp, f.clock, f.clock), os.Rename(tmp, path)} {
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *folder) remove(name string) {
	f.t.Helper()
	if err := os.Remove(filepath.Join(f.dir, name+".wasm")); err != nil {
		f.t.Fatal(err)
	}
}

// tick looks twice: a file that has changed is read when it changes no more.
func (f *folder) tick() {
	for range 2 {
		f.mu.Lock()
		f.look(false)
		f.mu.Unlock()
	}
}

// mark says which guest serves the module: its mark, none or failing.
func (f *folder) mark(module string) string {
	a := f.slots.Of(module).Load()
	if a == nil {
		return "none"
	}
	d := get("/")
	c, err := a.Request(d)
	if err != nil {
		return "failing"
	}
	if c.Response {
		ok(d)
		if err := a.Response(c, d, false); err != nil {
			f.t.Error(err)
		}
	}
	v, _ := d.Fields(adapter.RequestHeader).Get("x-mark")
	return strings.TrimSpace(string(v))
}

func (f *folder) wants(module, want string, said ...string) {
	f.t.Helper()
	if got := f.mark(module); got != want {
		f.t.Errorf("module %s has the adapter %s, want %s", module, got, want)
	}
	if len(f.said) != len(said) {
		f.t.Fatalf("told %q, want %q", f.said, said)
	}
	for i := range said {
		if !strings.Contains(f.said[i], said[i]) {
			f.t.Errorf("told %q, want %q", f.said[i], said[i])
		}
	}
	f.said = nil
}

func named(module, name string) config.Module {
	m := config.DefaultModule(module, config.Defaults{})
	m.Adapter = name
	return m
}

func TestFilesAreNoticed(t *testing.T) {
	f := openFolder(t, map[string][]byte{"billing": marking("1")}, named("users", "dialect"), config.DefaultModule("tags", config.Defaults{}))
	f.wants("billing", "1", "refused dialect: there is no such file") // by its own name
	f.wants("users", "failing")                                       // named, and not there
	f.wants("tags", "none")

	f.drop("dialect", marking("2"))
	f.drop("tags", marking("3"))
	f.tick()
	f.wants("users", "2", "accepted dialect")
	f.wants("tags", "3")

	f.drop("dialect", marking("4")) // replaced
	f.tick()
	f.wants("users", "4")

	f.drop("dialect", []byte("bad"))
	f.tick()
	f.wants("users", "4", "refused dialect: rewrite: it is not a WebAssembly module")
	f.tick()
	f.wants("users", "4") // said once

	f.drop("tags", []byte("bad"))
	f.tick()
	f.wants("tags", "3", "refused tags: ")
	f.remove("tags")
	f.tick()
	f.wants("tags", "none", "accepted tags")
	f.drop("dialect", marking("5"))
	f.tick()
	f.wants("users", "5", "accepted dialect")
	f.remove("dialect")
	f.tick()
	f.wants("users", "failing", "refused dialect: there is no such file")
}

func TestFileThatIsStillWrittenIsNotRead(t *testing.T) {
	f := openFolder(t, nil, config.DefaultModule("tags", config.Defaults{}))
	f.drop("tags", marking("1")[:50])
	f.mu.Lock()
	f.look(false)
	f.mu.Unlock()
	f.wants("tags", "none")
	f.drop("tags", marking("1"))
	f.mu.Lock()
	f.look(false)
	f.mu.Unlock()
	f.wants("tags", "none")
	f.mu.Lock()
	f.look(false)
	f.mu.Unlock()
	f.wants("tags", "1")
	for _, name := range []string{".hidden.wasm", "tags.wasm.tmp", "no", "bad name.wasm"} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte("bad"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.tick()
	f.wants("tags", "1")
}

func TestModulesShareWhatIsTheSame(t *testing.T) {
	a, b, c := named("a", "dialect"), named("b", "dialect"), named("c", "dialect")
	c.Plugin.Config = "other"
	f := openFolder(t, map[string][]byte{"dialect": marking("1")}, a, b, c)
	if f.slots.Of("a").Load() != f.slots.Of("b").Load() || f.slots.Of("a").Load() == f.slots.Of("c").Load() {
		t.Error("want one plugin for a and b, and one for c")
	}
	v := f.Views()
	if len(v) != 2 || fmt.Sprint(v[0].Modules) != "[a b]" || v[0].State != "running" {
		t.Errorf("views %+v", v)
	}
	f.Configure(f.dir, []config.Module{a, b})
	f.wants("a", "1")
	f.wants("c", "none")
	a.Adapter = ""
	f.Configure(f.dir, []config.Module{a, b})
	f.wants("a", "none")
	f.wants("b", "1")
}

func TestSettingsThatAreWrongKeepTheFormer(t *testing.T) {
	m := named("a", "dialect")
	f := openFolder(t, map[string][]byte{"dialect": marking("1")}, m)
	m.Plugin.SHA256 = strings.Repeat("00", 32)
	f.Configure(f.dir, []config.Module{m})
	f.wants("a", "1", "refused dialect: check: its sha256 is ")
	m.Plugin.SHA256 = ""
	f.Configure(f.dir, []config.Module{m})
	f.wants("a", "1", "accepted dialect")
	m.Plugin.OnError = config.Skip
	f.Configure(f.dir, []config.Module{m})
	f.remove("dialect")
	f.tick()
	f.wants("a", "", "refused dialect: there is no such file") // skipped
}

// A hundred reloads under load: no request fails, each is ended by who began
// it, and nothing is left.
func TestReloadUnderLoad(t *testing.T) {
	reloads := 100
	if testing.Short() {
		reloads = 10
	}
	f := openFolder(t, map[string][]byte{"tags": marking("0")}, config.DefaultModule("tags", config.Defaults{}))
	goroutines, before, mapped := runtime.NumGoroutine(), heap(), mappings()
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				d := get("/")
				a := f.slots.Of("tags").Load()
				c, err := a.Request(d)
				if err != nil || !c.Response {
					t.Errorf("a request failed: %v", err)
					return
				}
				runtime.Gosched() // the module works
				ok(d)
				if err := a.Response(c, d, false); err != nil {
					t.Errorf("an answer failed: %v", err)
					return
				}
				began, _ := d.Fields(adapter.RequestHeader).Get("x-mark")
				ended, _ := d.Fields(adapter.ResponseHeader).Get("x-mark")
				if string(began) != string(ended) {
					t.Errorf("guest %s ended what %s began", ended, began)
				}
			}
		})
	}
	for i := range reloads {
		f.drop("tags", marking(fmt.Sprint((i+1)%100)))
		f.tick()
		if v := f.Views(); v[0].Generation != uint64(i+2) {
			t.Fatalf("generation %d after %d reloads", v[0].Generation, i+1)
		}
	}
	close(stop)
	load.Wait()
	if p := f.slots.Of("tags").Load().(*Plugin); p.faults.Load() != 0 {
		t.Errorf("%d faults", p.faults.Load())
	}
	f.slots.Of("tags").Load().(*Plugin).retired.Wait() // the former generations
	if n := runtime.NumGoroutine(); n > goroutines+1 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	if n := mappings(); n > mapped+reloads/2 {
		t.Errorf("%d mappings of memory, %d before", n, mapped)
	}
	if after := heap(); after > before+8<<20 {
		t.Errorf("%d KiB more on the heap after %d reloads", (after-before)>>10, reloads)
	}
}

// heap returns what is in use.
func heap() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// mappings returns how many mappings of memory the process has; compiled code is
// one each.
func mappings() int {
	text, _ := os.ReadFile("/proc/self/maps") // nothing elsewhere
	return strings.Count(string(text), "\n")
}

// An adapter that needs settings may lie in the folder of a gateway where
// nobody uses it: that is no incident before a module's block names it.
func TestAdapterWaitsForItsSettings(t *testing.T) {
	strict := wat.Must(`(module
		(import "http_handler" "get_config" (func $config (param i32 i32) (result i32)))
		(memory (export "memory") 1)
		(func (export "modgate_capabilities") (result i32) (i32.const 0))
		(func (export "modgate_configure") (result i32) (i32.eqz (call $config (i32.const 0) (i32.const 0)))))`)
	f := openFolder(t, map[string][]byte{"dialect": strict})
	f.wants("users", "none")
	if v := f.Views(); len(v) != 1 || v[0].State != adapter.Refused || v[0].Refused != "it waits for a module whose block has its settings" {
		t.Errorf("the administrator sees %+v", v)
	}
	f.Configure(f.dir, []config.Module{config.DefaultModule("dialect", config.Defaults{})})
	f.wants("dialect", "failing", "refused dialect: configure: it refuses its configuration with code 1")
	users := named("users", "dialect")
	users.Plugin.Config = "{}"
	f.Configure(f.dir, []config.Module{users})
	f.wants("users", "", "accepted dialect")
}

// Another folder takes the place of the first without a moment in which a
// module has no adapter.
func TestFolderMoves(t *testing.T) {
	modules := []config.Module{named("users", "dialect"), config.DefaultModule("tags", config.Defaults{}), config.DefaultModule("books", config.Defaults{})}
	f := openFolder(t, map[string][]byte{"dialect": marking("1"), "tags": marking("2"), "books": marking("3")}, modules...)
	f.dir = t.TempDir()
	f.drop("dialect", marking("4"))
	f.drop("books", []byte("bad"))
	f.Configure(f.dir, modules)
	f.wants("users", "4", "refused books: ")
	f.wants("tags", "none")
	f.wants("books", "3") // its last good one
	f.drop("tags", marking("5"))
	f.tick()
	f.wants("tags", "5")
	f.drop("books", marking("6"))
	f.tick()
	f.wants("books", "6", "accepted books")
	f.Configure("", modules)
	f.wants("users", "failing", "refused dialect: there is no such file")
	f.wants("tags", "none")
	if err := CheckFolder(f.dir + "/dialect.wasm"); err == nil {
		t.Error("a file is taken for a folder")
	}
}
