package policies

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/modgate/modgate/core/fallback"
)

// snapshot is all policies and data in force. It never changes: a reload makes
// another one beside it.
type snapshot struct {
	shards   map[int]*shard
	store    storage.Store
	txn      storage.Transaction  // for reading; the store is never written to
	askers   map[string]*asker    // by unit
	units    map[string]*unit     // without base and lib
	data     map[string]*document // by name
	wrong    Diagnostics          // what is not in force, and why
	folders  map[string]bool      // units of which there is something, be it in force or not
	byModule map[string]string    // units of modules that have not their name

	unindexed bool // evaluates without OPA's rule index: what tests compare with
}

// document is one document of the site's data.
type document struct {
	text  []byte
	value ast.Value
}

// shard is units that are compiled together, with base and lib. A unit refers
// to no other, so it does not matter which; of a thousand, a reload compiles
// the few that share a shard with what changed.
type shard struct {
	units    []*unit // by name
	compiler *ast.Compiler
}

// The shard of all that is asked about every module, and how many others there
// are: base and lib, compiled again in each, take as much room as some units.
const (
	commonShard = 0
	shardCount  = 64
)

// shardOf returns the shard of a unit.
func shardOf(unit string) int {
	if !strings.HasPrefix(unit, moduleFolder) {
		return commonShard
	}
	h := fnv.New32a()
	h.Write([]byte(unit))
	return 1 + int(h.Sum32()%shardCount)
}

// asker is a unit that can be asked.
type asker struct {
	unit      string
	compiler  *ast.Compiler                     // of its shard
	queries   map[fallback.Entrypoint]ast.Body  // of those that it answers
	constants map[fallback.Entrypoint]*constant // likewise
}

// entrypoints in the order in which they are listed to people.
var entrypoints = []fallback.Entrypoint{
	fallback.Request, fallback.Watch, fallback.Absence, fallback.Update, fallback.Grace,
	fallback.Resume, fallback.Alert,
}

// answerVar is what a query's answer is bound to.
const answerVar = ast.Var("answer")

// build makes a snapshot of f, using what of old is unchanged, and keeping of
// it what is broken in f.
func (c *compiler) build(f *folder, old *snapshot) (*snapshot, error) {
	s := &snapshot{units: map[string]*unit{}, wrong: slices.Clone(f.wrong), folders: map[string]bool{}}
	for name := range f.units {
		s.folders[name] = true
	}
	grouped := map[int][]*unit{commonShard: nil}
	for _, r := range c.readUnits(f, old) {
		s.wrong = append(s.wrong, r.wrong...)
		if u := r.unit; u != nil {
			s.units[u.name] = u
			grouped[shardOf(u.name)] = append(grouped[shardOf(u.name)], u)
		}
	}
	if err := c.compileShards(s, grouped, old); err != nil {
		return nil, err
	}
	if err := s.documents(f.data, old); err != nil {
		return nil, err
	}
	return s, nil
}

// compileShards compiles those that changed, and makes their units' askers.
func (c *compiler) compileShards(s *snapshot, grouped map[int][]*unit, old *snapshot) error {
	s.shards, s.askers = map[int]*shard{}, map[string]*asker{}
	for i, units := range grouped {
		if o := old.shard(i); o != nil && slices.Equal(o.units, units) {
			s.shards[i] = o
			for _, name := range o.names(i) {
				s.askers[name] = old.askers[name]
			}
			continue
		}
		n := &shard{units: units}
		modules := map[string]*ast.Module{}
		for _, u := range units {
			maps.Copy(modules, u.modules)
		}
		var err error
		if n.compiler, err = c.assemble(modules); err != nil {
			return fmt.Errorf("compile policies: %w", err)
		}
		s.shards[i] = n
		for _, name := range n.names(i) {
			s.askers[name] = newAsker(name, n.compiler)
		}
	}
	return nil
}

// names returns the units that can be asked in shard i.
func (n *shard) names(i int) (list []string) {
	for _, u := range n.units {
		list = append(list, u.name)
	}
	if i == commonShard {
		list = append(list, unitBase)
	}
	return list
}

// shard returns the shard of that number, or nil. A nil snapshot has none.
func (s *snapshot) shard(i int) *shard {
	if s == nil {
		return nil
	}
	return s.shards[i]
}

// reading is what came of reading a unit.
type reading struct {
	unit  *unit // to be in force; nil: none
	wrong Diagnostics
}

// readUnits reads all units, by name, on all processors: with a thousand, that
// is most of the time that a start takes.
func (c *compiler) readUnits(f *folder, old *snapshot) []reading {
	names := sortedNames(f.units)
	list := make([]reading, len(names))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(len(names), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
				list[i] = c.readUnit(names[i], f.units[names[i]], old.unit(names[i]))
			}
		})
	}
	wg.Wait()
	return list
}

// readUnit reads a unit: the new text is to be in force if it stands, else the
// old one, if there is one.
func (c *compiler) readUnit(name string, text source, old *unit) reading {
	if old != nil && old.digest == text.digest() {
		return reading{unit: old}
	}
	u, wrong := c.parse(name, text)
	if wrong == nil {
		wrong = c.alone(u)
	}
	if wrong != nil {
		u = old
	}
	return reading{u, wrong}
}

// unit returns the unit of that name, or nil. A nil snapshot has none.
func (s *snapshot) unit(name string) *unit {
	if s == nil {
		return nil
	}
	return s.units[name]
}

// documents puts the data into the store. A document that is no JSON leaves
// its last good text in force.
func (s *snapshot) documents(texts map[string][]byte, old *snapshot) error {
	s.data = map[string]*document{}
	root := map[string]any{}
	for _, name := range sortedNames(texts) {
		d, err := parseDocument(texts[name], old.document(name))
		if err != nil {
			s.wrong = append(s.wrong, Diagnostic{dataFolder + name + ".json", lineOf(texts[name], err), err.Error()})
		}
		if d != nil {
			s.data[name] = d
			root[name] = d.value
		}
	}
	s.store = inmem.NewFromObjectWithOpts(root, inmem.OptReturnASTValuesOnRead(true), inmem.OptRoundTripOnWrite(false))
	var err error
	if s.txn, err = s.store.NewTransaction(context.Background()); err != nil {
		return fmt.Errorf("read policies' data: %w", err)
	}
	return nil
}

// document returns the document of that name, or nil. A nil snapshot has none.
func (s *snapshot) document(name string) *document {
	if s == nil {
		return nil
	}
	return s.data[name]
}

// parseDocument returns old if it has that text, or if text is no JSON.
func parseDocument(text []byte, old *document) (*document, error) {
	if old != nil && bytes.Equal(old.text, text) {
		return old, nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var x any
	if err := dec.Decode(&x); err != nil {
		return old, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return old, errors.New("has more than one value")
	}
	v, err := ast.InterfaceToValue(x)
	if err != nil {
		return old, err
	}
	return &document{text, v}, nil
}

func newAsker(unit string, c *ast.Compiler) *asker {
	a := &asker{unit, c, map[fallback.Entrypoint]ast.Body{}, map[fallback.Entrypoint]*constant{}}
	for _, e := range entrypoints {
		r := root(unit).Append(ast.StringTerm(string(e)))
		if c.RuleTree.Find(r) != nil {
			a.constants[e] = &constant{}
			a.queries[e] = ast.NewBody(ast.Equality.Expr(ast.NewTerm(r), ast.NewTerm(answerVar)))
		}
	}
	return a
}

// asked returns the units that are asked about a module, in order: what
// operators locked, the module's, the site's, the base.
func (s *snapshot) asked(module string) []*asker {
	unit := module
	if u, ok := s.byModule[module]; ok {
		unit = u
	}
	list := make([]*asker, 0, 4)
	for _, name := range [...]string{unitLocked, moduleFolder + unit, unitSite, unitBase} {
		if a := s.askers[name]; a != nil {
			list = append(list, a)
		}
	}
	return list
}

// lacks says which of units there are not.
func (s *snapshot) lacks(units map[string]string) (wrong Diagnostics) {
	for _, module := range sortedNames(units) {
		if unit := moduleFolder + units[module]; !s.folders[unit] {
			wrong = append(wrong, Diagnostic{File: unit, Text: fmt.Sprintf("is the policy that the configuration names for %s: there is no such folder", module)})
		}
	}
	return wrong
}

// embedded returns the shipped text of a unit.
func embedded(unit string) source {
	s := source{}
	files, err := shipped.ReadDir(unit)
	if err != nil {
		panic(err) // it is embedded
	}
	for _, f := range files {
		p := unit + "/" + f.Name()
		b, err := shipped.ReadFile(p)
		if err != nil {
			panic(err)
		}
		if !strings.HasSuffix(p, "_test.rego") {
			s[p] = string(b)
		}
	}
	return s
}

// lineOf returns the line that a JSON error is about.
func lineOf(text []byte, err error) int {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
	}
	return 0
}
