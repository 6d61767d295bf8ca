// Package hcl reads the language in which operators declare a platform, and
// turns it into a config.Config or into diagnostics that say where it is
// wrong and what to do. The language is specified in spec.md; its blocks and
// attributes are the settings of package config.
//
// It decides what the files say. It never decides what is sensible: bounds
// and checks are config's; and it opens no file that the operator did not
// name.
package hcl

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/modgate/modgate/core/config"
)

// Input is what a configuration is read from.
type Input struct {
	Paths    []string // files and folders; of a folder, every *.hcl and *.hcl.json in it, but not below
	Vars     []string // variables' values, "name=value"; they go before those of files
	VarFiles []string // files of variables' values; the last that gives one counts

	mu   sync.Mutex
	read map[string]bool // every file that the last Load read; guarded by mu, and in a Load by its own
}

// Load reads one configuration from files and folders.
func Load(paths ...string) (*config.Config, Diagnostics) {
	in := Input{Paths: paths}
	return in.Load()
}

// Load reads the configuration. It is nil when one of the diagnostics is an
// error.
func (in *Input) Load() (*config.Config, Diagnostics) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.read = map[string]bool{}
	var mu sync.Mutex // several modules are read at once
	around := surroundings{env: os.LookupEnv, assigned: map[string]assignment{}, opened: func(name string) {
		mu.Lock()
		defer mu.Unlock()
		in.read[name] = true
	}}
	sources, found := open(in.Paths)
	texts, more := around.assign(in.VarFiles, in.Vars)
	around.partial, around.unassigned = len(found) > 0, len(more) > 0
	for _, s := range slices.Concat(sources, texts) {
		around.opened(s.name)
	}
	home := "."
	if len(in.Paths) > 0 {
		home = folderOf(in.Paths[0])
	}
	return read(sources, append(found, more...), home, around, texts...)
}

// Format returns a native source in the canonical form: indented, aligned,
// otherwise as it was. A source with syntax errors is formatted as far as it
// goes.
func Format(src []byte) []byte { return hclwrite.Format(src) }

// Syntax returns what keeps text from being parsed; the name says in which
// syntax it is, and stands in the diagnostics.
func Syntax(name string, text []byte) Diagnostics {
	s := source{name, text}
	p := parse(s)
	return report(p.found, []source{s}, p.secret, nil)
}

// source is one file of a configuration.
type source struct {
	name string // as the operator would write it
	text []byte
}

const (
	nativeExt = ".hcl"
	jsonExt   = ".hcl.json"
	maxSource = 8 << 20
)

// open reads the files that paths name, each once.
func open(paths []string) ([]source, hcl.Diagnostics) {
	var found hcl.Diagnostics
	var names []string
	for _, p := range paths {
		files, err := filesOf(p)
		switch {
		case err != nil:
			found = append(found, unplaced("Nothing to read", "Cannot read %s: %v.", p, cause(err)))
		case len(files) == 0:
			found = append(found, unplaced("Nothing to read", "The folder %s has no file that ends in %s or %s.", p, nativeExt, jsonExt))
		}
		for _, f := range files {
			if f = filepath.Clean(f); !slices.Contains(names, f) {
				names = append(names, f)
			}
		}
	}
	if len(paths) == 0 {
		found = append(found, unplaced("Nothing to read", "Name a file or a folder."))
	}
	var sources []source
	for _, name := range names {
		text, err := readAtMost(name, maxSource+1)
		switch {
		case err != nil:
			found = append(found, unplaced("Nothing to read", "Cannot read %s: %v.", name, cause(err)))
		case len(text) > maxSource:
			found = append(found, unplaced("File too large", "%s has more than %d bytes; split it.", name, maxSource))
		default:
			sources = append(sources, source{name, text})
		}
	}
	return sources, found
}

// readAtMost reads the file's first n bytes; it may be a pipe.
func readAtMost(name string, n int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, n))
}

// filesOf returns the file p, or the files of the folder p, sorted.
func filesOf(p string) ([]string, error) {
	info, err := os.Stat(p)
	if err != nil || !info.IsDir() {
		return []string{p}, err
	}
	entries, err := os.ReadDir(p)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		name := e.Name()
		ours := strings.HasSuffix(name, nativeExt) || strings.HasSuffix(name, jsonExt)
		if ours && !e.IsDir() && !strings.HasPrefix(name, ".") {
			files = append(files, filepath.Join(p, name))
		}
	}
	return files, nil
}

// folderOf returns p if it is a folder, else the one that p is in.
func folderOf(p string) string {
	if info, err := os.Stat(p); err == nil && info.IsDir() {
		return p
	}
	return filepath.Dir(p)
}

// folderAt returns the folder of the file that r is in.
func folderAt(r hcl.Range) string { return filepath.Dir(r.Filename) }
