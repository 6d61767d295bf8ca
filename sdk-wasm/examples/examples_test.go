// What runs here is WebAssembly: the race detector would find nothing in it, and
// make its compiler five times slower.

//go:build !race

package examples_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/plugins/adaptertest"
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
			build(t, language, sources[language], file)
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
			build(b, language, sources[language], file)
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
var sources = map[string]string{"go": "go/main.go", "c": "c/legacy.c", "rust": "rust/legacy.rs"}

// What the README of the SDKs shows can be built, and does what it says.
func TestReadmeShowsAdapters(t *testing.T) {
	if testing.Short() {
		t.Skip("builds guests")
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range []string{"go", "c", "rust"} {
		t.Run(language, func(t *testing.T) {
			_, rest, found := strings.Cut(string(text), "```"+language+"\n")
			code, _, closed := strings.Cut(rest, "```\n")
			if !found || !closed {
				t.Fatalf("the README shows nothing in %s", language)
			}
			source, file := filepath.Join(t.TempDir(), filepath.Base(sources[language])), filepath.Join(t.TempDir(), "billing.wasm")
			if err := os.WriteFile(source, []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			build(t, language, source, file)
			adaptertest.Test(t, adaptertest.Options{File: file, Cases: "testdata/readme.json", NoBreak: true})
		})
	}
}

func build(t testing.TB, language, source, file string) {
	t.Helper()
	run := func(command string, args ...string) {
		t.Helper()
		cmd := exec.Command(command, args...)
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	switch language {
	case "go":
		run("go", "build", "-trimpath", "-ldflags=-s -w", "-buildmode=c-shared", "-o", file, source)
	case "c":
		need(t, "clang", "wasm-ld")
		run("clang", "--target=wasm32", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-nostdlib", "-ffreestanding", "-mbulk-memory",
			"-Wl,--no-entry,--strip-all", "-I../c", "-o", file, source)
	case "rust":
		rustc, err := rustCompiler()
		if err != nil {
			t.Skip(err)
		}
		library := filepath.Join(t.TempDir(), "libmodgate_adapter.rlib")
		options := []string{"--edition=2021", "--target=wasm32-unknown-unknown", "-Copt-level=3", "-Cpanic=abort", "-Dwarnings"}
		run(rustc, append(options, "--crate-type=rlib", "-Cembed-bitcode=yes", "-o", library, "../rust/modgate-adapter/src/lib.rs")...)
		options = append(options, "--crate-type=cdylib", "-Clto=yes", "-Cstrip=symbols", "--extern=modgate_adapter="+library)
		if rustc == "/usr/bin/rustc" {
			options = append(options, "-Clinker=wasm-ld", "-Clinker-flavor=wasm-ld") // Debian's brings none
		}
		run(rustc, append(options, "-o", file, source)...)
	}
}

// need skips the test where a command is not there.
func need(t testing.TB, commands ...string) {
	t.Helper()
	for _, command := range commands {
		if _, err := exec.LookPath(command); err != nil {
			t.Skipf("%s is not there: apt install clang lld", command)
		}
	}
}

// rustCompiler returns the first rustc that can build for WebAssembly: rustup's,
// which often cannot, hides Debian's.
func rustCompiler() (string, error) {
	for _, rustc := range []string{"rustc", "/usr/bin/rustc"} {
		if out, err := exec.Command(rustc, "--print=target-libdir", "--target=wasm32-unknown-unknown").Output(); err == nil {
			core, _ := filepath.Glob(filepath.Join(string(out[:len(out)-1]), "libcore-*.rlib"))
			if len(core) > 0 {
				return rustc, nil
			}
		}
	}
	return "", fmt.Errorf("no rustc can build for wasm32-unknown-unknown: apt install rustc libstd-rust-dev-wasm32 lld")
}
