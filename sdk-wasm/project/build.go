package project

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Source is the source of an adapter.
type Source struct {
	Language string // one of Languages
	Path     string // the file, or of Go the folder of its package
	SDK      string // of C the folder of modgate_adapter.h, of Rust the crate's lib.rs; "": where a project has it
	Strict   bool   // a warning of C or Rust is an error
}

// In returns the source of the adapter in dir: of a project, or of a package
// of a larger module of Go.
func In(dir string) (Source, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Source{}, err
	}
	for _, known := range []struct{ language, files string }{{"c", "adapter.c"}, {"rust", "adapter.rs"}, {"go", "*.go"}} {
		found, err := filepath.Glob(filepath.Join(abs, known.files))
		if err != nil {
			return Source{}, err
		}
		switch {
		case len(found) == 0:
		case known.language == "go":
			return Source{Language: known.language, Path: abs}, nil
		default:
			return Source{Language: known.language, Path: found[0]}, nil
		}
	}
	return Source{}, fmt.Errorf("%s is no project of an adapter: want a folder with adapter.c, adapter.rs or a package of Go; modgate plugin new makes one", dir)
}

// Name is what the file of the adapter is called if nobody says otherwise:
// as its folder.
func (s Source) Name() string {
	dir := s.Path
	if s.Language != "go" {
		dir = filepath.Dir(dir)
	}
	return filepath.Base(dir) + ".wasm"
}

// ChangedSince returns the name of a file of the source that was changed after
// file was; "" if there is none.
func (s Source) ChangedSince(file string) string {
	built, err := os.Stat(file)
	if err != nil {
		return ""
	}
	dir, patterns := filepath.Dir(s.Path), []string{"*.c", "*.h"}
	switch s.Language {
	case "go":
		dir, patterns = s.Path, []string{"*.go", "go.mod"}
	case "rust":
		patterns = []string{"*.rs"}
	}
	for _, pattern := range patterns {
		files, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is one
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			if info, err := os.Stat(f); err == nil && info.ModTime().After(built.ModTime()) {
				return filepath.Base(f)
			}
		}
	}
	return ""
}

// Build builds the source into the file out. What the toolchain says about it
// is in the error; one that wraps ErrToolchain says that it is the toolchain
// that is wanting.
func (s Source) Build(ctx context.Context, out string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	dir, name := filepath.Split(s.Path)
	if info, err := os.Stat(s.Path); err != nil {
		return err
	} else if info.IsDir() {
		dir, name = s.Path, "."
	}
	command, err := Toolchain(ctx, s.Language, dir)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "modgate-build")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	steps, err := s.steps(dir, name, scratch, out)
	if err != nil {
		return err
	}
	for _, args := range steps {
		cmd := exec.CommandContext(ctx, command, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
		said, err := cmd.CombinedOutput()
		if strings.Contains(string(said), "linker `rust-lld` not found") {
			return fmt.Errorf("%w: there is no lld: %s", ErrToolchain, toolchains[s.Language].get)
		}
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, strings.TrimSpace(string(said)))
		}
	}
	return nil
}

// steps returns the arguments of each call of the compiler, the last of which
// makes out. It stands in the folder of the source, dir.
func (s Source) steps(dir, name, scratch, out string) ([][]string, error) {
	sdk := s.SDK
	if sdk != "" {
		var err error
		if sdk, err = filepath.Abs(sdk); err != nil {
			return nil, err
		}
	}
	switch s.Language {
	case "go":
		return [][]string{{"build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, name}}, nil
	case "c":
		args := []string{
			"--target=wasm32", "-std=c11", "-Wall", "-Wextra", "-O2", "-nostdlib", "-ffreestanding", "-mbulk-memory",
			"-Wl,--no-entry,--strip-all", "-o", out, name,
		}
		if sdk != "" {
			args = append(args, "-I"+sdk)
		}
		if s.Strict {
			args = append(args, "-Werror")
		}
		return [][]string{args}, nil
	case "rust":
		if sdk == "" {
			sdk = filepath.Join(crateFolder, "lib.rs")
		}
		here, err := filepath.EvalSymlinks(dir) // as the compiler calls it
		if err != nil {
			return nil, err
		}
		// Older compilers copy byte by byte, in a loop, unless told otherwise.
		options := []string{"--edition=2021", "--target=" + rustTarget, "-Ctarget-feature=+bulk-memory", "-Copt-level=3", "-Cpanic=abort"}
		// What panics says where, by paths: those must be the same wherever it is built.
		for _, at := range []string{filepath.Dir(sdk), here} {
			options = append(options, "--remap-path-prefix="+filepath.Clean(at)+"=.")
		}
		if s.Strict {
			options = append(options, "-Dwarnings")
		}
		crate := filepath.Join(scratch, "libmodgate_adapter.rlib")
		return [][]string{
			append(slices.Clone(options), "--crate-type=rlib", "-Cembed-bitcode=yes", "-o", crate, sdk),
			append(options, "--crate-type=cdylib", "-Clto=yes", "-Cstrip=symbols", "--extern=modgate_adapter="+crate, "-o", out, name),
		}, nil
	default:
		return nil, fmt.Errorf("no language %q: want one of %s", s.Language, strings.Join(Languages, ", "))
	}
}
