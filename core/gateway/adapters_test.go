package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/alert"
	"github.com/modgate/modgate/plugins/wat"
)

// marking is an adapter that says on each answer who it is, and crashes at a
// path that begins with x.
func marking(mark string) []byte {
	return wat.Must(`(module
		(import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))
		(import "http_handler" "get_uri" (func $uri (param i32 i32) (result i32)))
		(memory (export "memory") 1)
		(data (i32.const 0) "x-mark` + mark + `")
		(func (export "handle_request") (result i64)
			(drop (call $uri (i32.const 100) (i32.const 1000)))
			(if (i32.eq (i32.load8_u (i32.const 107)) (i32.const 120)) (then (unreachable)))
			(i64.const 1))
		(func (export "handle_response") (param i32 i32)
			(call $set (i32.const 1) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 1))))`)
}

// drop renames a file into the folder.
func drop(t *testing.T, dir, name string, code []byte) {
	t.Helper()
	tmp := filepath.Join(dir, ".new")
	if err := errors.Join(os.WriteFile(tmp, code, 0o600), os.Rename(tmp, filepath.Join(dir, name+".wasm"))); err != nil {
		t.Fatal(err)
	}
}

// An adapter is dropped into the folder, replaced by another and by a bad one,
// while requests go on, and is seen by the administrator.
func TestAdapterIsDroppedIntoTheFolder(t *testing.T) {
	cfg := declare(t.TempDir(), upstream(t, "1.0.0"))
	cfg.Gateway.Plugins = t.TempDir()
	r := startWith(t, cfg)
	mark := func(want string) func() bool {
		return func() bool {
			status, _, h := r.get("/books/1")
			if status != http.StatusOK {
				t.Errorf("a request got %d", status)
			}
			return h.Get("X-Mark") == want
		}
	}
	if !mark("")() {
		t.Error("an answer is marked, and there is no adapter")
	}
	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				mark("")()
			}
		}
	})
	drop(t, cfg.Gateway.Plugins, "books", marking("1"))
	r.until("the adapter is in force", mark("1"))
	drop(t, cfg.Gateway.Plugins, "books", marking("2"))
	r.until("the other adapter is in force", mark("2"))
	drop(t, cfg.Gateway.Plugins, "books", []byte("bad"))
	r.until("the bad one is refused", func() bool {
		return slices.ContainsFunc(r.alerts.Open(), func(a alert.Incident) bool { return a.Key == "plugin/books/file" })
	})
	if !mark("2")() {
		t.Error("a bad file put the former out of force")
	}
	close(stop)
	load.Wait()

	status, body, h := r.get("/books/x")
	if status != http.StatusServiceUnavailable || strings.Contains(body+fmt.Sprint(h), "unreachable") {
		t.Errorf("a crash is answered %d %s", status, body)
	}
	var view struct{ Plugins []adapter.View }
	if code, err := r.admin.call("GET", "/v1/admin/plugins", nil, &view); code != http.StatusOK || err != nil {
		t.Fatal(code, err)
	}
	v := view.Plugins[0]
	if len(view.Plugins) != 1 || v.Adapter != "books" || fmt.Sprint(v.Modules) != "[books]" || v.Generation != 2 || v.Faults != 1 ||
		v.LastFault.Module != "books" || v.LastFault.Kind != adapter.Trap || !strings.Contains(v.Refused, "not a WebAssembly module") {
		t.Errorf("view %+v", v)
	}
	if !slices.ContainsFunc(r.alerts.Open(), func(a alert.Incident) bool { return a.Key == "plugin/books" && a.Module == "books" }) {
		t.Errorf("alerts %+v, want one of the crash", r.alerts.Open())
	}
	if err := os.Remove(filepath.Join(cfg.Gateway.Plugins, "books.wasm")); err != nil {
		t.Fatal(err)
	}
	r.until("the adapter is gone", mark(""))
	info, err := os.Stat(filepath.Join(cfg.Gateway.DataDir, "cache", "plugins"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache: %v, %v", info, err)
	}
}
