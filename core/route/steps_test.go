package route

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Three threads at two doors do their atomic operations in every order that
// there is: entrance.go itself does, with others' sync and sync/atomic. It is
// right in all, and each mutant is wrong in one.
func TestEveryInterleaving(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	code, err := os.ReadFile("entrance.go")
	if err != nil {
		t.Fatal(err)
	}
	text := once(t, string(code), "const doors = 8\n", "const doors = 2\n")
	text = once(t, text, "\t\"sync\"\n\t\"sync/atomic\"\n", "\t\"steps/sync\"\n\t\"steps/sync/atomic\"\n")

	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/steps")); err != nil {
		t.Fatal(err)
	}
	imports, all := "", ""
	for n, m := range append([]mutation{{}}, mutations...) {
		mutant := text
		if n > 0 {
			mutant = once(t, text, m.right, m.wrong)
		}
		name := fmt.Sprintf("v%d", n)
		put(t, filepath.Join(dir, name, "entrance.go"), strings.Replace(mutant, "package route", "package "+name, 1))
		put(t, filepath.Join(dir, name, "adapter.go"), "package "+name+"\n"+stepsAdapter)
		imports += fmt.Sprintf("import %q\n", "steps/"+name)
		all += fmt.Sprintf("\t{%q, func(drained func(uint64)) entrance { return %s.New(drained) }},\n", m.name, name)
	}
	put(t, filepath.Join(dir, "variants.go"), "package main\n"+imports+"var variants = []variant{\n"+all+"}\n")

	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	t.Logf("\n%s", out)
}

// mutation is one way to make entrance.go wrong.
type mutation struct{ name, right, wrong string }

var mutations = []mutation{
	{"nobody closes behind the last", "if d.word.Add(-1) == drainingBit {", "if d.word.Add(-1) == -1 {"},
	{"who is refused does not look behind", "return d\n\t}\n\td.Leave()\n\treturn nil", "return d\n\t}\n\td.word.Add(-1)\n\treturn nil"},
	{"an own run that is refused does not look behind", "return d\n\t\t}\n\t\td.Leave()", "return d\n\t\t}\n\t\td.word.Add(-1)"},
	{"who is refused is counted", "return d\n\t}\n\td.Leave()\n\treturn nil", "return d\n\t}\n\treturn nil"},
	{"strangers enter what drains", "if d.word.Add(1)&stateBits == 0 {", "if d.word.Add(1)&closedBit == 0 {"},
	{"looked at before it is counted", "if d.word.Add(1)&stateBits == 0 {", "if d.word.Load()&stateBits == 0 {\n\t\td.word.Add(1)"},
	{"own runs enter what is closed", "if d.word.Add(1)&closedBit == 0 {", "if d.word.Add(1) > 0 {"},
	{"own runs know one door", "for n := range uint32(doors) {", "for n := range uint32(1) {"},
	{"own runs are strangers", "if d.word.Add(1)&closedBit == 0 {", "if d.word.Add(1)&stateBits == 0 {"},
	{"closed without a look", "if !d.word.CompareAndSwap(drainingBit, stateBits) {\n\t\treturn false\n\t}", "d.word.Store(stateBits)"},
	{"each door reports", "return e.closed == doors\n", "return e.closed > 0\n"},
	{"the first door to close reports", "return e.closed == doors\n", "return e.closed == 1\n"},
	{"a drain does not look who is inside", "last = e.shut(&e.door[n]) || last", "_ = n"},
	{"a drain looks at each door once", "e.door[n].word.Or(drainingBit)\n\t}\n\tlast := false\n\tfor n := range e.door {\n\t\tlast", "e.door[n].word.Or(drainingBit)\n\t}\n\tlast := false\n\tfor n := range 1 {\n\t\tlast"},
	{"a drain that finds nobody is not reported", "\tlast := false\n\tfor n := range e.door {\n\t\tlast = e.shut(&e.door[n]) || last\n\t}\n\te.mu.Unlock()\n\tif last {", "\tlast := false\n\tfor n := range e.door {\n\t\tlast = e.shut(&e.door[n]) || last\n\t}\n\te.mu.Unlock()\n\tif false {"},
	{"a report of the turn of another drain", "last, turn := e.shut(d), e.turn\n\te.mu.Unlock()\n", "last := e.shut(d)\n\te.mu.Unlock()\n\te.mu.Lock()\n\tturn := e.turn\n\te.mu.Unlock()\n"},
	{"closed doors are forgotten", "\te.closed = doors\n", ""},
	{"opened doors are counted as closed", "\te.closed = 0\n", ""},
	{"a closed entrance drains on", "e.door[n].word.Or(stateBits)", "e.door[n].word.Or(drainingBit)"},
	{"opened at one door", "e.door[n].word.And(^stateBits)", "e.door[0*n].word.And(^stateBits)"},
	{"opened without a lock", "e.mu.Lock()\n\tdefer e.mu.Unlock()\n\twasClosed", "wasClosed"},
}

// stepsAdapter shows the program a variant as it wants to see it.
const stepsAdapter = `
import "steps/schedule"

type Entrance struct{ entrance }

func New(drained func(uint64)) *Entrance {
	e := &Entrance{}
	e.build(drained)
	return e
}

func (e *Entrance) Enter(at uint32) func()    { return leaving(e.entrance.Enter(at)) }
func (e *Entrance) EnterOwn(at uint32) func() { return leaving(e.entrance.EnterOwn(at)) }
func (e *Entrance) Open() bool                { return e.open() }

func leaving(d *Door) func() {
	if d == nil {
		return nil
	}
	return d.Leave
}

func (e *Entrance) State() []int64 {
	is := []int64{schedule.Flag(e.mu.Held), int64(e.turn), int64(e.closed)}
	for n := range e.door {
		is = append(is, e.door[n].word.Value)
	}
	return is
}

func (e *Entrance) Runs() (runs []int64) {
	for n := range e.door {
		runs = append(runs, e.door[n].word.Value&^stateBits)
	}
	return runs
}
`

// once returns text with right, which is there once, replaced.
func once(t *testing.T, text, right, wrong string) string {
	t.Helper()
	if n := strings.Count(text, right); n != 1 {
		t.Fatalf("%q is %d times in entrance.go, want once", right, n)
	}
	return strings.Replace(text, right, wrong, 1)
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
