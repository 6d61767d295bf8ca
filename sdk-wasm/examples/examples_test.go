// What runs here is WebAssembly: the race detector would find nothing in it, and
// make its compiler five times slower.

//go:build !race

package examples_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/plugins/adaptertest"
	"github.com/modgate/modgate/sdk-wasm/project"
)

var rewrite = flag.Bool("rewrite", false, "make of what comes out what the cases expect")

// One adapter in three languages: the same cases hold for each, in the gateway
// itself.
func TestExamplesSpeakTheSameDialect(t *testing.T) {
	if testing.Short() {
		t.Skip("builds guests")
	}
	for _, language := range []string{"go", "c", "rust"} {
		t.Run(language, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "legacy.wasm")
			build(t, sources[language], file)
			adaptertest.Test(t, adaptertest.Options{File: file, Cases: "cases", Update: *rewrite, NoBreak: true})
		})
	}
}

// BenchmarkExample measures a request with its answer, six calls of the host,
// as a ratio to the same edit without an adapter in the same run (x-native),
// and how long the file is.
func BenchmarkExample(b *testing.B) {
	cases, err := adaptertest.Read("cases/traffic.json")
	if err != nil {
		b.Fatal(err)
	}
	for _, language := range []string{"go", "c", "rust"} {
		b.Run(language, func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "legacy.wasm")
			build(b, sources[language], file)
			a, err := adaptertest.Open(file)
			if err != nil {
				b.Fatal(err)
			}
			defer a.Close()
			figures, err := a.Bench(b.Context(), cases, time.Second)
			if err != nil || len(figures) == 0 {
				b.Fatal(figures, err)
			}
			info, err := os.Stat(file)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(figures[0].Nanoseconds, "ns/op")
			b.ReportMetric(figures[0].Ratio, "x-native")
			b.ReportMetric(figures[0].Allocations, "allocs/op")
			b.ReportMetric(float64(info.Size()), "bytes")
		})
	}
}

// sources are the examples'.
var sources = map[string]project.Source{
	"go":   {Language: "go", Path: "go"},
	"c":    {Language: "c", Path: "c/legacy.c", SDK: "../c", Strict: true},
	"rust": {Language: "rust", Path: "rust/legacy.rs", SDK: "../rust/modgate-adapter/src/lib.rs", Strict: true},
}

// What the README of the SDKs shows can be built, and does what it says.
func TestReadmeShowsAdapters(t *testing.T) {
	if testing.Short() {
		t.Skip("builds guests")
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for language, ending := range map[string]string{"go": "go", "c": "c", "rust": "rs"} {
		t.Run(language, func(t *testing.T) {
			_, rest, found := strings.Cut(string(text), "```"+language+"\n")
			code, _, closed := strings.Cut(rest, "```\n")
			if !found || !closed {
				t.Fatalf("the README shows nothing in %s", language)
			}
			dir := t.TempDir()
			if _, err := project.New(dir, "billing", language); err != nil {
				t.Fatal(err)
			}
			dir = filepath.Join(dir, "billing")
			if err := os.WriteFile(filepath.Join(dir, "adapter."+ending), []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			source, err := project.In(dir)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, source.Name())
			build(t, source, file)
			adaptertest.Test(t, adaptertest.Options{File: file, Cases: "testdata/readme.json", NoBreak: true})
		})
	}
}

func build(t testing.TB, source project.Source, file string) {
	t.Helper()
	err := source.Build(t.Context(), file)
	if errors.Is(err, project.ErrToolchain) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}
