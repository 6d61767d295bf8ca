// Package project makes and builds projects of adapters, for their authors. A
// project has all that it needs: nothing is downloaded.
package project

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	sdk "github.com/modgate/modgate/sdk-wasm"
)

//go:embed templates
var templates embed.FS

// Languages that a project can be written in.
var Languages = []string{"go", "c", "rust"}

// sdkFolder is where a Go project has its copy of the SDK.
const sdkFolder = "modgate"

// crateFolder is where a Rust project has the sources of its copy.
const crateFolder = "modgate_adapter"

// carried is the copy of its SDK that a project has: a folder of it, below one
// of the project.
type carried struct {
	files    embed.FS
	from, to string
}

var copies = map[string]carried{
	"go":   {sdk.Go, "go", sdkFolder + "/sdk-wasm/go"},
	"c":    {sdk.C, "c", "."},
	"rust": {sdk.Rust, "rust/modgate-adapter/src", crateFolder},
}

// New writes a project of that name, in the folder of the same name below
// dir: the source of an adapter, cases, a piece of configuration, a README
// and the SDK. It returns the files that it wrote, and overwrites none: the error
// is fs.ErrExist then, and may follow some of them.
func New(dir, name, language string) (files []string, err error) {
	to := filepath.Join(dir, name)
	if files, err = write(to, carried{templates, "templates/" + language, "."}, name); err != nil {
		return files, err
	}
	if language == "go" { // the SDK is a module of the gateway's path
		mod := filepath.Join(to, sdkFolder, "go.mod")
		if err := create(mod, "module github.com/modgate/modgate\n\ngo 1.24\n"); err != nil {
			return files, err
		}
		files = append(files, mod)
	}
	more, err := write(to, copies[language], name)
	return append(files, more...), err
}

// write copies files into dir, each with the project's name for NAME, and
// without a test.
func write(dir string, c carried, name string) (files []string, err error) {
	return files, fs.WalkDir(c.files, c.from, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(p, "_test.go") {
			return err
		}
		text, err := c.files.ReadFile(p)
		if err != nil {
			return err
		}
		to := path.Join(c.to, strings.TrimSuffix(strings.TrimPrefix(p, c.from+"/"), ".tmpl"))
		file := filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(to, "NAME", name)))
		if err := create(file, strings.ReplaceAll(string(text), "NAME", name)); err != nil {
			return err
		}
		files = append(files, file)
		return nil
	})
}

func create(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
