package project

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// toolchain is how a language is built.
type toolchain struct {
	source  string // a file by which a project of it is known
	command string
	environ []string
	args    func(out, scratch string) [][]string // of each call, the last of which makes out
	get     string                               // how to come by the command
}

var toolchains = []toolchain{
	{
		source: "go.mod", command: "go", environ: []string{"GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=-mod=mod", "GOWORK=off"},
		args: func(out, _ string) [][]string {
			return [][]string{{"build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "."}}
		},
		get: "install Go 1.24 or newer from https://go.dev/dl",
	},
	{
		source: "adapter.c", command: "clang",
		args: func(out, _ string) [][]string {
			return [][]string{{
				"--target=wasm32", "-std=c11", "-Wall", "-Wextra", "-O2", "-nostdlib", "-ffreestanding", "-mbulk-memory",
				"-Wl,--no-entry,--strip-all", "-o", out, "adapter.c",
			}}
		},
		get: "install clang and lld, such as by apt install clang lld",
	},
	{
		source: "adapter.rs", command: "rustc",
		args: func(out, scratch string) [][]string {
			options := []string{"--edition=2021", "--target=wasm32-unknown-unknown", "-Copt-level=s", "-Cpanic=abort"}
			crate := filepath.Join(scratch, "libmodgate_adapter.rlib")
			return [][]string{
				append(slices.Clone(options), "--crate-type=rlib", "-Cembed-bitcode=yes", "-o", crate, crateFolder+"/lib.rs"),
				append(options, "--crate-type=cdylib", "-Clto=yes", "-Cstrip=symbols", "--extern=modgate_adapter="+crate, "-o", out, "adapter.rs"),
			}
		},
		get: "install Rust and its target, such as by rustup target add wasm32-unknown-unknown, or apt install rustc libstd-rust-dev-wasm32 lld",
	},
}

// ErrToolchain is returned by Build when the command that builds the project
// is not there. What to do says the error around it.
var ErrToolchain = errors.New("the toolchain is not there")

// Build builds the project in dir into a file beside its source, by the
// toolchain of its language, and returns the file. What the toolchain says
// about the source is in the error.
func Build(ctx context.Context, dir string) (file string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	var known []string
	for _, t := range toolchains {
		known = append(known, t.source)
		if _, err := os.Stat(filepath.Join(abs, t.source)); err != nil {
			continue
		}
		name := filepath.Base(abs) + ".wasm"
		return filepath.Join(dir, name), t.build(ctx, abs, name)
	}
	return "", fmt.Errorf("%s is no project of an adapter: want a folder with %s; modgate plugin new makes one", dir, strings.Join(known, " or "))
}

func (t *toolchain) build(ctx context.Context, dir, out string) error {
	if _, err := exec.LookPath(t.command); err != nil {
		return fmt.Errorf("%w: there is no %s: %s", ErrToolchain, t.command, t.get)
	}
	scratch, err := os.MkdirTemp("", "modgate-build")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	for _, args := range t.args(out, scratch) {
		cmd := exec.CommandContext(ctx, t.command, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), t.environ...)
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, strings.TrimSpace(string(said)))
		}
	}
	return nil
}
