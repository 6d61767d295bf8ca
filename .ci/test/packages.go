package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// listed is what go list says of one package.
type listed struct {
	ImportPath, Dir           string
	Module                    struct{ Path string }
	TestGoFiles, XTestGoFiles []string
}

func (l listed) tests() []string { return slices.Concat(l.TestGoFiles, l.XTestGoFiles) }

// job is one test binary to build and run.
type job struct {
	pkg, dir string
	race     bool
	only     string // regular expression of tests to run; empty means all
}

// divide gives each part its jobs, in the order of parts.
func divide(race bool) ([][]job, error) {
	plain, err := list()
	if err != nil {
		return nil, err
	}
	again, err := list("-race")
	if err != nil {
		return nil, err
	}
	underRace := map[string]listed{}
	for _, p := range again {
		underRace[p.ImportPath] = p
	}
	shares := make([][]job, len(parts))
	for _, p := range plain {
		jobs, err := jobsOf(p, underRace[p.ImportPath], race)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(parts, func(q part) bool { return within(p, q.patterns) })
		shares[at] = append(shares[at], jobs...)
	}
	return shares, nil
}

// jobsOf says how a package's tests run, given its files without and with the
// race detector.
func jobsOf(plain, underRace listed, race bool) ([]job, error) {
	j := job{pkg: plain.ImportPath, dir: plain.Dir}
	if !race || within(plain, pure) {
		if len(plain.tests()) == 0 {
			return nil, nil
		}
		return []job{j}, nil
	}
	var jobs []job
	if len(underRace.tests()) > 0 {
		jobs = append(jobs, job{pkg: j.pkg, dir: j.dir, race: true})
	}
	var names []string
	for _, f := range plain.tests() {
		if slices.Contains(underRace.tests(), f) {
			continue
		}
		more, err := testsIn(filepath.Join(plain.Dir, f))
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	if len(names) > 0 {
		j.only = "^(" + strings.Join(names, "|") + ")$"
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// testsIn names what go test would run of a file.
func testsIn(file string) ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || fn.Name.Name == "TestMain" {
			continue
		}
		for _, prefix := range []string{"Test", "Fuzz", "Example"} {
			if strings.HasPrefix(fn.Name.Name, prefix) {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names, nil
}

// list lists the module's packages, broken ones too: compiling them reports
// what is wrong with them.
func list(flags ...string) ([]listed, error) {
	args := slices.Concat([]string{"list", "-e", "-json=ImportPath,Dir,Module,TestGoFiles,XTestGoFiles"}, flags, []string{"./..."})
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("list packages: %w", err)
		}
		all = append(all, l)
	}
}

// within reports whether one of the patterns matches the package.
func within(l listed, patterns []string) bool {
	rel := strings.TrimPrefix(strings.TrimPrefix(l.ImportPath, l.Module.Path), "/")
	return slices.ContainsFunc(patterns, func(p string) bool {
		under, deep := strings.CutSuffix(p, "...")
		return rel == path.Clean(p) || deep && (rel == strings.TrimSuffix(under, "/") || strings.HasPrefix(rel, under))
	})
}

// raceAvailable reports whether the race detector can be built here.
func raceAvailable() bool {
	out, err := exec.Command("go", "env", "CGO_ENABLED", "CC").Output()
	if err != nil {
		return false
	}
	cgo, cc, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	_, err = exec.LookPath(strings.Split(cc, " ")[0])
	return cgo == "1" && err == nil
}
