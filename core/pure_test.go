package core_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pure lists the packages that have no clock, no I/O and no goroutine: the
// same arguments give the same result, today and in a replay.
var pure = []string{
	"core/adapter", "core/config", "core/fallback", "core/lifecycle", "core/message", "core/module", "core/requirement", "core/route",
}

// published lists the pure packages that may hold an atomic pointer: what is
// behind one is replaced for everybody at once.
var published = []string{"core/adapter", "core/route"}

// locked lists the pure packages that may have a lock: what is counted there
// says nothing about the order of those who count.
var locked = []string{"core/route"}

// ordered lists the pure packages in which the order of a map must not show.
// A range over a map whose order cannot be seen carries a comment
// "// order: why", on its line or the one above.
var ordered = []string{"core/lifecycle", "core/requirement"}

// harmless is all of the standard library that pure packages may import; of
// time and fmt, what forbidden does not name.
var harmless = []string{
	"bytes", "cmp", "container/heap", "crypto/hmac", "crypto/sha256", "encoding", "encoding/base64", "encoding/binary",
	"encoding/hex", "encoding/json", "errors", "fmt", "hash/fnv", "iter", "maps", "math", "math/bits", "net/netip",
	"net/url", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// forbidden lists, by package, what pure code may not even refer to.
var forbidden = map[string][]string{
	"time": {"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"},
	"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
}

func TestPurePackagesHaveNoClockNoIONoGoroutine(t *testing.T) {
	args := []string{"-export", "-deps"}
	for _, p := range list(t, mine+"/core/...") {
		if slices.Contains(pure, p.name()) {
			args = append(args, p.ImportPath)
		}
	}
	deps := list(t, args...)
	for _, p := range deps {
		if !slices.Contains(pure, p.name()) {
			continue
		}
		var sources []source
		for _, f := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, source{p.name() + "/" + f, text})
		}
		for _, f := range findings(t, p.name(), sources, deps) {
			t.Error(f)
		}
	}
}

func TestPurityLawBites(t *testing.T) {
	deps := list(t, "-export", "-deps", "fmt", "maps", "os", "slices", "sync", "sync/atomic", "time")
	for _, c := range []struct{ pkg, imports, body, want string }{
		{"core/module", "time", `var f = time.Now`, "refers to time.Now"},
		{"core/module", "time", `func f(d time.Time) time.Duration { return d.Sub(time.Time{}) }`, ""},
		{"core/module", "fmt", `func f() { fmt.Println() }`, "refers to fmt.Println"},
		{"core/module", "os", `var f = os.Args`, "imports os"},
		{"core/module", "sync/atomic", `var f atomic.Bool`, "imports sync/atomic"},
		{"core/route", "sync/atomic", `var f atomic.Bool`, ""},
		{"core/adapter", "sync", `var f sync.Mutex`, "imports sync"},
		{"core/route", "sync", `var f sync.Mutex`, ""},
		{"core/module", "", `func f() { go f() }`, "starts a goroutine"},
		{"core/module", "", `var c chan int`, "has a channel"},
		{"core/module", "", `func f(m map[int]int) { for range m { } }`, ""},
		{"core/lifecycle", "", `func f(m map[int]int) { for range m { } }`, "ranges over a map"},
		{"core/lifecycle", "", `type n map[int]int; func f(m n) { for range m { } }`, "ranges over a map"},
		{"core/lifecycle", "", "// order: counted only\nfunc f(m map[int]int) { for range m { } }", ""},
		{"core/lifecycle", "", `func f(s []int) { for range s { } }`, ""},
		{"core/lifecycle", "maps", `func f(m map[int]int) { for range maps.Keys(m) { } }`, "uses maps.Keys unsorted"},
		{"core/lifecycle", "slices maps", `func f(m map[int]int) []int { return slices.Collect(maps.Keys(m)) }`, "uses maps.Keys unsorted"},
		{"core/lifecycle", "slices maps", `func f(m map[int]int) []int { return slices.Sorted(maps.Keys(m)) }`, ""},
	} {
		text := "package p\n"
		for imp := range strings.FieldsSeq(c.imports) {
			text += "import " + strconv.Quote(imp) + "\n"
		}
		found := findings(t, c.pkg, []source{{"p.go", []byte(text + c.body)}}, deps)
		if got := strings.Join(found, "; "); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s in %s: got %q, want %q", c.body, c.pkg, got, c.want)
		}
	}
}

// source is one file of a package.
type source struct {
	name string
	text []byte
}

// findings lists what a package breaks of the law of purity. deps has the
// export data of all that it imports.
func findings(t *testing.T, pkg string, sources []source, deps []listed) []string {
	t.Helper()
	l := law{pkg: pkg, fset: token.NewFileSet(), info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{},
	}, excused: map[string]bool{}}
	var files []*ast.File
	for _, s := range sources {
		f, err := parser.ParseFile(l.fset, s.name, s.text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: importer.ForCompiler(l.fset, "gc", func(path string) (io.ReadCloser, error) {
		i := slices.IndexFunc(deps, func(d listed) bool { return d.ImportPath == path })
		if i < 0 {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(deps[i].Export)
	})}
	if _, err := conf.Check(pkg, l.fset, files, l.info); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		l.file(f)
	}
	return l.found
}

// law collects the findings of one package.
type law struct {
	pkg     string
	fset    *token.FileSet
	info    *types.Info
	excused map[string]bool // "file:line" of which an order comment speaks
	found   []string
}

func (l *law) report(n ast.Node, format string, args ...any) {
	l.found = append(l.found, fmt.Sprintf("%s: %s", l.fset.Position(n.Pos()), fmt.Sprintf(format, args...)))
}

func (l *law) file(f *ast.File) {
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		known := slices.Contains(harmless, path) || path == "sync/atomic" && slices.Contains(published, l.pkg) ||
			path == "sync" && slices.Contains(locked, l.pkg)
		if !known && path != mine && !strings.HasPrefix(path, mine+"/") && !foreign(path) {
			l.report(i, "%s is pure and imports %s", l.pkg, path)
		}
	}
	for _, g := range f.Comments {
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, "// order: ") {
				at := l.fset.Position(c.Pos())
				l.excused[line(at, 0)], l.excused[line(at, 1)] = true, true
			}
		}
	}
	sorted := map[ast.Expr]bool{} // arguments whose order is lost at once
	ast.Inspect(f, func(n ast.Node) bool {
		l.node(n, sorted)
		return true
	})
}

func line(p token.Position, plus int) string { return fmt.Sprintf("%s:%d", p.Filename, p.Line+plus) }

func (l *law) node(n ast.Node, sorted map[ast.Expr]bool) {
	switch n := n.(type) {
	case *ast.GoStmt:
		l.report(n, "%s is pure and starts a goroutine", l.pkg)
	case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
		l.report(n, "%s is pure and has a channel", l.pkg)
	case *ast.SelectorExpr:
		if from, name := l.uses(n); slices.Contains(forbidden[from], name) {
			l.report(n, "%s is pure and refers to %s.%s", l.pkg, from, name)
		}
	case *ast.RangeStmt:
		if _, ok := l.info.TypeOf(n.X).Underlying().(*types.Map); ok {
			l.order(n, "ranges over a map")
		}
	case *ast.CallExpr:
		from, name := l.uses(n.Fun)
		if from == "slices" && strings.HasPrefix(name, "Sorted") {
			sorted[n.Args[0]] = true
		}
		if from == "maps" && slices.Contains([]string{"All", "Keys", "Values"}, name) && !sorted[n] {
			l.order(n, "uses maps."+name+" unsorted")
		}
	}
}

// order reports n where order must not show and no comment says why it cannot.
func (l *law) order(n ast.Node, what string) {
	if slices.Contains(ordered, l.pkg) && !l.excused[line(l.fset.Position(n.Pos()), 0)] {
		l.report(n, "%s %s: sort, or say why in a comment \"// order: ...\"", l.pkg, what)
	}
}

// uses names the package-level object of another package that e refers to.
func (l *law) uses(e ast.Expr) (from, name string) {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	o := l.info.Uses[s.Sel]
	if o == nil || o.Pkg() == nil || o.Parent() != o.Pkg().Scope() {
		return "", ""
	}
	return o.Pkg().Path(), o.Name()
}
