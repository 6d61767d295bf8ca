package project

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// ErrToolchain is returned when no command can build a language, or one that
// it needs is too old. What to do says the error around it.
var ErrToolchain = errors.New("the toolchain is not there")

// toolchain is what builds a language.
type toolchain struct {
	commands []string // the first that can is taken
	beside   string   // a command that it needs; "": none
	version  []string // the arguments with which it says its version
	least    release  // of it
	target   bool     // it may lack what a build for WebAssembly needs
	get      string   // how to come by it
}

var toolchains = map[string]toolchain{
	"go": {
		commands: []string{"go"}, version: []string{"env", "GOVERSION"}, least: release{1, 24},
		get: "install Go 1.24 or newer from https://go.dev/dl",
	},
	"c": {
		commands: []string{"clang"}, beside: "wasm-ld", version: []string{"--version"}, least: release{14, 0},
		get: "install clang 14 or newer and lld, such as by apt install clang lld",
	},
	"rust": {
		// Rustup's hides Debian's, and often cannot build for WebAssembly.
		commands: []string{"rustc", "/usr/bin/rustc"}, version: []string{"--version"}, least: release{1, 63}, target: true,
		get: "install Rust 1.63 or newer and its target, such as by rustup target add " + rustTarget + ", or apt install rustc libstd-rust-dev-wasm32 lld",
	},
}

const rustTarget = "wasm32-unknown-unknown"

// Toolchain returns the command that builds a language, one of Languages, for
// projects in dir. The error wraps ErrToolchain.
func Toolchain(ctx context.Context, language, dir string) (command string, err error) {
	return toolchains[language].find(ctx, dir)
}

func (t toolchain) find(ctx context.Context, dir string) (command string, err error) {
	for _, c := range t.commands {
		why := t.lacks(ctx, c, dir)
		if why == nil {
			return c, nil
		}
		if errors.As(err, new(absent)) || err == nil {
			err = why // what is there and will not do says more
		}
	}
	return "", fmt.Errorf("%w: %w: %s", ErrToolchain, err, t.get)
}

// absent is a command that is not there.
type absent string

func (a absent) Error() string { return "there is no " + string(a) }

// lacks says why a command will not do; nil: it will.
func (t toolchain) lacks(ctx context.Context, command, dir string) error {
	for _, c := range []string{command, t.beside} {
		if c == "" {
			continue
		}
		if _, err := exec.LookPath(c); err != nil {
			return absent(c)
		}
	}
	said, err := say(ctx, dir, command, t.version...)
	if err != nil {
		return err
	}
	if is, ok := releaseIn(said); ok && is.before(t.least) {
		return fmt.Errorf("%s is %d.%d", command, is.major, is.minor)
	}
	if !t.target {
		return nil
	}
	libraries, err := say(ctx, dir, command, "--print=target-libdir", "--target="+rustTarget)
	if err != nil {
		return err
	}
	if found, _ := filepath.Glob(filepath.Join(libraries, "libcore-*.rlib")); len(found) == 0 {
		return fmt.Errorf("%s cannot build for %s", command, rustTarget)
	}
	return nil
}

// say returns what a command prints.
func say(ctx context.Context, dir, command string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Dir = dir
	said, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", cmd, err)
	}
	return strings.TrimSpace(string(said)), nil
}

// release is the version of a toolchain.
type release struct{ major, minor int }

var releasePattern = regexp.MustCompile(`(\d+)\.(\d+)`)

// releaseIn returns the first that a text names.
func releaseIn(text string) (r release, ok bool) {
	m := releasePattern.FindStringSubmatch(text)
	if m == nil {
		return r, false
	}
	r.major, _ = strconv.Atoi(m[1])
	r.minor, _ = strconv.Atoi(m[2])
	return r, true
}

func (r release) before(s release) bool {
	return r.major < s.major || r.major == s.major && r.minor < s.minor
}
