package policies

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/modgate/modgate/core/fallback"
)

// snapshot is all policies and data in force. It never changes: a reload makes
// another one beside it.
type snapshot struct {
	compiler *ast.Compiler
	store    storage.Store
	txn      storage.Transaction  // for reading; the store is never written to
	askers   map[string]*asker    // by unit
	units    map[string]*unit     // without base and lib
	data     map[string]*document // by name
	wrong    Diagnostics          // what is not in force, and why

	unindexed bool // evaluates without OPA's rule index: what tests compare with
}

// document is one document of the site's data.
type document struct {
	text  []byte
	value ast.Value
}

// asker is a unit that can be asked.
type asker struct {
	unit    string
	queries map[fallback.Entrypoint]ast.Body // of those that it answers
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
	s := &snapshot{units: map[string]*unit{}, wrong: slices.Clone(f.wrong)}
	all := map[string]*ast.Module{}
	for _, name := range sortedNames(f.units) {
		if u := c.unit(s, name, f.units[name], old.unit(name)); u != nil {
			s.units[name] = u
			maps.Copy(all, u.modules)
		}
	}
	var err error
	if s.compiler, err = c.assemble(all); err != nil {
		return nil, fmt.Errorf("compile policies: %w", err)
	}
	if err := s.documents(f.data, old); err != nil {
		return nil, err
	}
	s.askers = map[string]*asker{unitBase: s.asker(unitBase)}
	for name := range s.units {
		s.askers[name] = s.asker(name)
	}
	return s, nil
}

// unit returns the unit to be in force: the new text if it stands, else the
// old one, if there is one.
func (c *compiler) unit(s *snapshot, name string, text source, old *unit) *unit {
	if old != nil && old.digest == text.digest() {
		return old
	}
	u, wrong := c.parse(name, text)
	if wrong == nil {
		wrong = c.alone(u)
	}
	if wrong == nil {
		return u
	}
	s.wrong = append(s.wrong, wrong...)
	return old
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

func (s *snapshot) asker(unit string) *asker {
	a := &asker{unit, map[fallback.Entrypoint]ast.Body{}}
	for _, e := range entrypoints {
		r := root(unit).Append(ast.StringTerm(string(e)))
		if s.compiler.RuleTree.Find(r) != nil {
			a.queries[e] = ast.NewBody(ast.Equality.Expr(ast.NewTerm(r), ast.NewTerm(answerVar)))
		}
	}
	return a
}

// asked returns the units that are asked about a module, in order: what
// operators locked, the module's, the site's, the base. unit is the module's.
func (s *snapshot) asked(unit string) []*asker {
	list := make([]*asker, 0, 4)
	for _, name := range [...]string{unitLocked, moduleFolder + unit, unitSite, unitBase} {
		if a := s.askers[name]; a != nil {
			list = append(list, a)
		}
	}
	return list
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
