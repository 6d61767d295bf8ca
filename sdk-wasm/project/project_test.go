package project

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake writes a command that prints a version, and a folder of libraries.
func fake(t *testing.T, version string, libraries ...string) (command string) {
	t.Helper()
	dir := t.TempDir()
	for _, l := range libraries {
		if err := os.WriteFile(filepath.Join(dir, l), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command = filepath.Join(dir, "rustc")
	script := "#!/bin/sh\ncase $1 in --version) echo '" + version + "' ;; *) echo " + dir + " ;; esac\n"
	if err := os.WriteFile(command, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return command
}

func TestToolchainIsTheFirstThatCanBuild(t *testing.T) {
	const library = "libcore-1.rlib"
	newest, without, old := fake(t, "rustc 1.95.0 (59807616e 2026-04-14)", library), fake(t, "rustc 1.95.0"), fake(t, "rustc 1.62.1", library)
	least := fake(t, "rustc 1.63.0", library)
	for name, c := range map[string]struct {
		commands []string
		beside   string
		want     string // the command, or what the error says
	}{
		"the first":              {[]string{newest, least}, "", newest},
		"it lacks the target":    {[]string{without, least}, "", least},
		"it is too old":          {[]string{old, least}, "", least},
		"none has the target":    {[]string{without, "no-such-rustc"}, "", "cannot build for wasm32-unknown-unknown: install Rust"},
		"all too old":            {[]string{old}, "", "rustc is 1.62: install Rust 1.63 or newer"},
		"none is there":          {[]string{"no-such-rustc"}, "", "there is no no-such-rustc"},
		"what it needs is not":   {[]string{newest}, "no-such-lld", "there is no no-such-lld"},
		"and what it needs, too": {[]string{newest}, "sh", newest},
	} {
		t.Run(name, func(t *testing.T) {
			chain := toolchains["rust"]
			chain.commands, chain.beside = c.commands, c.beside
			got, err := chain.find(t.Context(), t.TempDir())
			if got == c.want {
				return
			}
			if !errors.Is(err, ErrToolchain) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestSourceIsKnownByItsFile(t *testing.T) {
	for _, language := range Languages {
		dir := t.TempDir()
		if _, err := New(dir, "billing", language); err != nil {
			t.Fatal(err)
		}
		s, err := In(filepath.Join(dir, "billing"))
		if err != nil || s.Language != language || s.Name() != "billing.wasm" {
			t.Errorf("got %+v, %v, want %s", s, err, language)
		}
	}
	if s, err := In("../../plugins/okapi"); err != nil || s.Language != "go" || s.Name() != "okapi.wasm" {
		t.Errorf("a package of a larger module is %+v, %v", s, err)
	}
	if _, err := In(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no project of an adapter") {
		t.Errorf("got %v for an empty folder", err)
	}
}

// The same source makes the same file, wherever it is: it can be pinned.
func TestBuildIsReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("builds adapters")
	}
	for _, language := range Languages {
		t.Run(language, func(t *testing.T) {
			var files [2][]byte
			for i := range files {
				dir := filepath.Join(t.TempDir(), strings.Repeat("deeper", i))
				if _, err := New(dir, "billing", language); err != nil {
					t.Fatal(err)
				}
				s, err := In(filepath.Join(dir, "billing"))
				if err != nil {
					t.Fatal(err)
				}
				out := filepath.Join(t.TempDir(), s.Name())
				if err := s.Build(t.Context(), out); errors.Is(err, ErrToolchain) {
					t.Skip(err)
				} else if err != nil {
					t.Fatal(err)
				}
				if files[i], err = os.ReadFile(out); err != nil {
					t.Fatal(err)
				}
			}
			if string(files[0]) != string(files[1]) {
				t.Errorf("two files, of %d and %d bytes", len(files[0]), len(files[1]))
			}
		})
	}
}
