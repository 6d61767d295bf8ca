// Package project makes and builds projects of adapters, for their authors. A
// project has all that it needs: nothing is downloaded.
package project

import (
	"embed"
	"errors"
	"fmt"
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

// New writes a project of that name, in the folder of the same name below
// dir: the source of an adapter, cases, a piece of configuration, a README
// and, for Go, the SDK. It returns the files that it wrote, and overwrites
// none. An error may follow some of them.
func New(dir, name, language string) (files []string, err error) {
	root := path.Join("templates", language)
	return files, fs.WalkDir(templates, root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := templates.ReadFile(p)
		if err != nil {
			return err
		}
		to := strings.TrimSuffix(strings.TrimPrefix(p, root+"/"), ".tmpl")
		to = filepath.Join(dir, name, filepath.FromSlash(strings.ReplaceAll(to, "NAME", name)))
		if err := create(to, strings.ReplaceAll(string(text), "NAME", name)); err != nil {
			return err
		}
		if files = append(files, to); filepath.Base(to) != "go.mod" {
			return nil
		}
		copied, err := vendorSDK(filepath.Join(dir, name, sdkFolder))
		files = append(files, copied...)
		return err
	})
}

// vendorSDK writes the SDK for Go as a module of the gateway's path.
func vendorSDK(dir string) (files []string, err error) {
	mod := filepath.Join(dir, "go.mod")
	if err := create(mod, "module github.com/modgate/modgate\n\ngo 1.26\n"); err != nil {
		return nil, err
	}
	files = append(files, mod)
	return files, fs.WalkDir(sdk.Go, "go", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(p, "_test.go") {
			return err
		}
		text, err := sdk.Go.ReadFile(p)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, "sdk-wasm", filepath.FromSlash(p))
		files = append(files, to)
		return create(to, string(text))
	})
}

func create(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: it is left as it is", err)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
