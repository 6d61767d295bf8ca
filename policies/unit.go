package policies

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

//go:embed base/*.rego lib/*.rego
var shipped embed.FS

// The units that are not of one module. A module's is modules/<id>.
const (
	unitBase   = "base"
	unitLib    = "lib"
	unitSite   = "site"
	unitLocked = "locked"

	moduleFolder = "modules/"
	dataFolder   = "data/"
)

// maxUnit bounds the text of one unit, maxData one document of data.
const (
	maxUnit = 256 << 10
	maxData = 8 << 20
)

// root returns the package that everything in the unit stands below.
func root(unit string) ast.Ref {
	r := ast.Ref{ast.DefaultRootDocument, ast.StringTerm("modgate")}
	for part := range strings.SplitSeq(unit, "/") {
		r = append(r, ast.StringTerm(part))
	}
	return r
}

// source is the text of a unit: its files by path below the folder.
type source map[string]string

// digest tells texts apart.
func (s source) digest() (d [sha256.Size]byte) {
	h := sha256.New()
	for _, p := range sortedNames(s) {
		fmt.Fprintf(h, "%s %d\n%s", p, len(s[p]), s[p])
	}
	h.Sum(d[:0])
	return d
}

// folder is what a folder of policies holds: text of units by name, and data.
type folder struct {
	units map[string]source
	data  map[string][]byte // JSON by name of the document
	wrong Diagnostics
}

// read reads a folder: site/*.rego, locked/*.rego, modules/<id>/*.rego, each
// with sub-folders, and data/<name>.json. Tests (*_test.rego) are left to Test.
func read(tree fs.FS) (*folder, error) {
	f := &folder{units: map[string]source{}, data: map[string][]byte{}}
	err := fs.WalkDir(tree, ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p != "." && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir(), strings.HasSuffix(p, "_test.rego"):
			return nil
		}
		switch path.Ext(p) {
		case ".rego":
			return f.rego(tree, p)
		case ".json":
			return f.json(tree, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	return f, nil
}

func (f *folder) rego(tree fs.FS, p string) error {
	unit, ok := unitOf(p)
	if !ok {
		f.refuse(p, `belongs to no unit: it is not read. Move it to site/, locked/ or modules/<module>/`)
		return nil
	}
	text, err := fs.ReadFile(tree, p)
	if err != nil {
		return err
	}
	if f.units[unit] == nil {
		f.units[unit] = source{}
	}
	f.units[unit][p] = string(text)
	return nil
}

func (f *folder) json(tree fs.FS, p string) error {
	name, ok := strings.CutPrefix(p, dataFolder)
	if !ok {
		return nil
	}
	name = strings.TrimSuffix(name, ".json")
	if name == "modgate" || strings.Contains(name, "/") {
		f.refuse(p, "is no document: data/<name>.json is data.<name>, and data.modgate is the policies'")
		return nil
	}
	text, err := fs.ReadFile(tree, p)
	if err != nil {
		return err
	}
	if len(text) > maxData {
		f.refuse(p, fmt.Sprintf("has %d bytes, want at most %d", len(text), maxData))
		return nil
	}
	f.data[name] = text
	return nil
}

func (f *folder) refuse(p, text string) { f.wrong = append(f.wrong, Diagnostic{File: p, Text: text}) }

// unitOf returns the unit that the file at p belongs to.
func unitOf(p string) (string, bool) {
	first, rest, _ := strings.Cut(p, "/")
	switch first {
	case unitSite, unitLocked:
		return first, rest != ""
	case strings.TrimSuffix(moduleFolder, "/"):
		id, file, ok := strings.Cut(rest, "/")
		return moduleFolder + id, ok && id != "" && file != ""
	}
	return "", false
}

// unit is a unit that parses and stands alone: with base and lib only.
type unit struct {
	name    string
	digest  [sha256.Size]byte
	modules map[string]*ast.Module
}

// parse parses a unit and checks that it defines nothing of others.
func (c *compiler) parse(name string, s source) (*unit, Diagnostics) {
	u := &unit{name: name, digest: s.digest(), modules: map[string]*ast.Module{}}
	var wrong Diagnostics
	size := 0
	for _, p := range sortedNames(s) {
		size += len(s[p])
		m, err := ast.ParseModuleWithOpts(p, s[p], ast.ParserOptions{
			Capabilities: c.builtins, RegoVersion: ast.RegoV1, ProcessAnnotation: true,
		})
		switch {
		case err != nil:
			wrong = append(wrong, diagnose(err)...)
		case !m.Package.Path.HasPrefix(root(name)):
			wrong = append(wrong, Diagnostic{
				p, m.Package.Location.Row,
				fmt.Sprintf("is package %s; everything in %s/ stands below package %s", packageName(m.Package.Path), name, packageName(root(name))),
			})
		default:
			u.modules[p] = m
		}
	}
	if size > maxUnit {
		wrong = append(wrong, Diagnostic{File: name, Text: fmt.Sprintf("has %d bytes of policy, want at most %d: keep tables in data/", size, maxUnit)})
	}
	if wrong != nil {
		return nil, wrong
	}
	return u, nil
}

// packageName returns the path as a package clause has it.
func packageName(path ast.Ref) string { return strings.TrimPrefix(path.String(), "data.") }

// diagnose turns OPA's errors into diagnostics, with what to do where we know.
func diagnose(err error) (d Diagnostics) {
	var list ast.Errors
	var one *ast.Error
	switch {
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = ast.Errors{one}
	default:
		return Diagnostics{{Text: err.Error()}}
	}
	for _, e := range list {
		g := Diagnostic{Text: e.Message}
		if e.Location != nil {
			g.File, g.Line = e.Location.File, e.Location.Row
		}
		if e.Details != nil {
			g.Text += wanted(e.Details.Lines())
		}
		if name, ok := strings.CutPrefix(e.Message, "undefined function "); ok && advice(name) != "" {
			g.Text = name + " is not available to policies: " + advice(name)
		}
		d = append(d, g)
	}
	return d
}

// wanted returns what of an error's details says more than where it is.
func wanted(lines []string) (s string) {
	for _, line := range lines {
		line = strings.TrimSpace(line)
		for _, head := range []string{"have", "want", "left", "right"} {
			if strings.HasPrefix(line, head) {
				s += "; " + line
			}
		}
	}
	return s
}
