//go:build !race

package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/modgate/modgate/plugins/adaptertest"
	"github.com/modgate/modgate/sdk-wasm/abi"
	"github.com/modgate/modgate/sdk-wasm/project"
)

// edits are adapters that edit more than a board has room for.
var edits = map[string]project.Source{
	"go":   {Language: "go", Path: "testdata/edits/go"},
	"c":    {Language: "c", Path: "testdata/edits/edits.c", SDK: "../c", Strict: true},
	"rust": {Language: "rust", Path: "testdata/edits/edits.rs", SDK: "../rust/modgate-adapter/src/lib.rs", Strict: true},
}

// A host that does not know boards asks for none: it is one to which the
// export is called otherwise.
func withoutBoard(t *testing.T, file string) string {
	t.Helper()
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name, other := []byte("\x0dmodgate_board"), []byte("\x0dmodgate_bored")
	if bytes.Count(code, name) != 1 {
		t.Fatalf("the export modgate_board is there %d times, want once", bytes.Count(code, name))
	}
	without := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(without, bytes.Replace(code, name, other, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return without
}

// What an adapter does is the same before a host that does not know boards.
func TestBoardChangesNothingOfWhatIsDone(t *testing.T) {
	if testing.Short() {
		t.Skip("builds guests")
	}
	for _, language := range project.Languages {
		t.Run(language, func(t *testing.T) {
			dir := t.TempDir()
			legacy, many := filepath.Join(dir, "legacy.wasm"), filepath.Join(dir, "edits.wasm")
			build(t, sources[language], legacy)
			build(t, edits[language], many)
			t.Run("legacy", func(t *testing.T) { // with one: TestExamplesSpeakTheSameDialect
				adaptertest.Test(t, adaptertest.Options{File: withoutBoard(t, legacy), Cases: "cases", NoBreak: true})
			})
			for _, file := range []string{many, withoutBoard(t, many)} {
				adaptertest.Test(t, adaptertest.Options{File: file, Cases: "testdata/edits/edits.json", NoBreak: true})
			}
		})
	}
}

// A board saves all calls but those that change the target, those that read it
// then, and those of edits for which it has no room.
func TestBoardSavesCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("builds guests")
	}
	for _, language := range project.Languages {
		t.Run(language, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "edits.wasm")
			build(t, edits[language], file)
			with, without := begin(t, file), begin(t, file)
			with.setUp(t)
			for range 50 { // the last is as the first
				with.request(t)
				without.request(t)
			}
			if !slices.Equal(with.edits, without.edits) {
				t.Errorf("with a board it edits\n%s\nwithout\n%s", strings.Join(with.edits, "\n"), strings.Join(without.edits, "\n"))
			}
			want := map[string]int{"get_method": 2, "get_uri": 2, "set_uri": 1, "set_header_value": 3, "add_header_value": 40, "remove_header": 1}
			if !maps.Equal(without.calls, want) {
				t.Errorf("without a board it calls %v, want %v", without.calls, want)
			}
			// Method and target are asked for where the target was changed, and of
			// the edits that which is one too many is a call.
			want = map[string]int{"get_method": 1, "get_uri": 1, "set_uri": 1, "add_header_value": 1}
			if language != "go" { // it notes a text where it is, the others a copy
				want["set_header_value"] = 1
			}
			if !maps.Equal(with.calls, want) {
				t.Errorf("with a board it calls %v, want %v", with.calls, want)
			}
		})
	}
}

// counter is a host that counts what is called, and notes what is edited. It
// has one request.
type counter struct {
	module api.Module
	board  uint32 // 0: none
	target string
	calls  map[string]int
	edits  []string
}

// begin starts the adapter before a counter.
func begin(t *testing.T, file string) *counter {
	t.Helper()
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	table, err := abi.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := &counter{}
	r := wazero.NewRuntime(t.Context())
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	if _, err := wasi_snapshot_preview1.Instantiate(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for _, m := range table.Modules {
		b := r.NewHostModuleBuilder(m.Name)
		for _, f := range m.Functions {
			params, results := f.Signature()
			answer := func(_ context.Context, _ api.Module, s []uint64) { h.answer(f.Name, s) }
			b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(answer), types(params), types(results)).Export(f.Name)
		}
		if _, err := b.Instantiate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	config := wazero.NewModuleConfig().WithStartFunctions("_initialize")
	if h.module, err = r.InstantiateWithConfig(t.Context(), code, config); err != nil {
		t.Fatal(err)
	}
	return h
}

func types(letters string) (t []api.ValueType) {
	for _, l := range letters {
		t = append(t, map[rune]api.ValueType{'i': api.ValueTypeI32, 'I': api.ValueTypeI64}[l])
	}
	return t
}

// answer is what a function of the host does: its parameters stand in s, and
// its result goes there.
func (h *counter) answer(name string, s []uint64) {
	h.calls[name]++
	h.settle()
	switch name {
	case "get_method":
		s[0] = h.put(s, "PATCH")
	case "get_uri":
		s[0] = h.put(s, h.target)
	case "set_uri":
		h.target = h.text(s[0], s[1])
	case "set_header_value":
		h.edit(1, s[0], h.text(s[1], s[2]), h.text(s[3], s[4]))
	case "add_header_value":
		h.edit(2, s[0], h.text(s[1], s[2]), h.text(s[3], s[4]))
	case "remove_header":
		h.edit(3, s[0], h.text(s[1], s[2]), "")
	}
}

func (h *counter) edit(what, kind uint64, name, value string) {
	h.edits = append(h.edits, fmt.Sprintf("%d of %d: %s %s", what, uint32(kind), name, value))
}

func (h *counter) text(at, n uint64) string {
	b, ok := h.module.Memory().Read(uint32(at), uint32(n))
	if !ok {
		panic("a pointer leads out of the memory")
	}
	return string(b)
}

// put writes a text where the guest has room for it.
func (h *counter) put(s []uint64, text string) uint64 {
	if len(text) <= int(uint32(s[1])) {
		h.module.Memory().Write(uint32(s[0]), []byte(text))
	}
	return uint64(len(text))
}

// setUp asks for the board.
func (h *counter) setUp(t *testing.T) {
	t.Helper()
	h.board = uint32(h.call(t, "modgate_board"))
}

// request hands a request to the adapter, and forgets the one before.
func (h *counter) request(t *testing.T) {
	t.Helper()
	h.target, h.calls, h.edits = "/items", map[string]int{}, nil
	if h.board != 0 { // what abi.md says of it
		const method = "PATCH"
		h.write(0, 0)
		h.write(4, uint32(len(method)))
		h.write(8, uint32(len(h.target)))
		h.module.Memory().Write(h.board+24+40*h.read(12), []byte(method+h.target))
	}
	h.call(t, "handle_request")
}

func (h *counter) read(offset uint32) uint32 {
	n, _ := h.module.Memory().ReadUint32Le(h.board + offset)
	return n
}

func (h *counter) write(offset, n uint32) { h.module.Memory().WriteUint32Le(h.board+offset, n) }

// settle makes the edits that are noted.
func (h *counter) settle() {
	if h.board == 0 {
		return
	}
	for i := range h.read(0) {
		var edit [5]uint64
		for j := range edit {
			edit[j], _ = h.module.Memory().ReadUint64Le(h.board + 24 + 40*i + 8*uint32(j))
		}
		h.edit(edit[0]&0xff, edit[0]>>8, h.text(edit[1], edit[2]), h.text(edit[3], edit[4]))
	}
	h.write(0, 0)
}

// call calls an export, and makes what edits it has left.
func (h *counter) call(t *testing.T, export string) uint64 {
	t.Helper()
	results, err := h.module.ExportedFunction(export).Call(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.settle()
	return results[0]
}
