package policies

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

//go:embed schemas/*.json
var schemas embed.FS

// compiler compiles units against what all of them may rely on. It holds what
// takes time to make.
type compiler struct {
	builtins *ast.Capabilities
	schemas  *ast.SchemaSet
	shipped  map[string]*ast.Module // base and lib
}

func newCompiler() (*compiler, error) {
	var schema any
	text, err := schemas.ReadFile("schemas/input.json")
	if err != nil {
		panic(err) // it is embedded
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, fmt.Errorf("read schemas/input.json: %w", err)
	}
	c := &compiler{builtins: capabilities(false), schemas: ast.NewSchemaSet(), shipped: map[string]*ast.Module{}}
	c.schemas.Put(ast.SchemaRootRef, schema)
	for _, name := range []string{unitBase, unitLib} {
		u, wrong := c.parse(name, embedded(name))
		if wrong != nil {
			return nil, wrong
		}
		maps.Copy(c.shipped, u.modules)
	}
	if _, err := c.compile(nil); err != nil {
		return nil, fmt.Errorf("compile the base policy: %w", err)
	}
	return c, nil
}

// compile compiles modules together with base and lib.
func (c *compiler) compile(modules map[string]*ast.Module) (*ast.Compiler, error) {
	return c.run(ast.NewCompiler().WithStrict(true).WithSchemas(c.schemas), modules)
}

// checked are the stages that refuse and do not rewrite.
var checked = []ast.StageID{
	ast.StageCheckUnusedImports, ast.StageCheckKeywordOverrides, ast.StageCheckDuplicateImports, ast.StageParseMetadataBlocks,
	ast.StageSetAnnotationSet, ast.StageCheckRuleConflicts, ast.StageCheckUndefinedFuncs, ast.StageCheckTypes,
	ast.StageCheckUnsafeBuiltins, ast.StageCheckDeprecatedBuiltins, ast.StageBuildRequiredCapabilities,
}

// assemble compiles units that each stand alone, without checking them again:
// that is most of the time.
func (c *compiler) assemble(modules map[string]*ast.Module) (*ast.Compiler, error) {
	return c.run(ast.NewCompiler().WithSkipStages(checked...), modules)
}

func (c *compiler) run(out *ast.Compiler, modules map[string]*ast.Module) (*ast.Compiler, error) {
	all := maps.Clone(c.shipped)
	maps.Copy(all, modules)
	out.WithCapabilities(c.builtins).Compile(all)
	if out.Failed() {
		return nil, out.Errors
	}
	return out, nil
}

// alone compiles one unit with base and lib, and checks that it refers to
// nothing else of modgate. Units that stand alone stand together: no two have
// a package in common.
func (c *compiler) alone(u *unit) Diagnostics {
	out, err := c.compile(u.modules)
	if err != nil {
		return c.meant(u, diagnose(err))
	}
	var wrong Diagnostics
	for _, file := range sortedNames(u.modules) {
		ast.WalkRefs(out.Modules[file], func(r ast.Ref) bool {
			if text := trespass(u.name, r); text != "" {
				wrong = append(wrong, Diagnostic{r[0].Location.File, r[0].Location.Row, text})
			}
			return false
		})
	}
	return wrong
}

// meant says of functions that are not there which may be meant.
func (c *compiler) meant(u *unit, wrong Diagnostics) Diagnostics {
	of := map[string][]string{}
	for _, modules := range []map[string]*ast.Module{c.shipped, u.modules} {
		for _, file := range sortedNames(modules) {
			m := modules[file]
			for _, r := range m.Rules {
				if pkg := m.Package.Path.String(); len(r.Head.Args) > 0 {
					of[pkg] = append(of[pkg], r.Head.Name.String())
				}
			}
		}
	}
	for i, d := range wrong {
		name, ok := strings.CutPrefix(d.Text, "undefined function ")
		if !ok {
			continue
		}
		pkg, short := root(u.name).String(), name
		if dot := strings.LastIndex(name, "."); strings.HasPrefix(name, "data.") {
			pkg, short = name[:dot], name[dot+1:]
		}
		if near := nearest(short, of[pkg]); near != "" {
			wrong[i].Text += ": did you mean " + near + "?"
		}
	}
	return wrong
}

// trespass says why unit may not refer to r, empty if it may: to input, to
// itself, to base and lib, and to the site's data.
func trespass(unit string, r ast.Ref) string {
	if !r.HasPrefix(ast.DefaultRootRef) {
		return ""
	}
	if len(r) < 2 || !ast.IsConstant(r[1].Value) {
		return "refers to all of data: name the document, data.<name>"
	}
	if !r[1].Equal(ast.StringTerm("modgate")) {
		return ""
	}
	for _, may := range []ast.Ref{root(unit), root(unitBase), root(unitLib)} {
		if r.HasPrefix(may) {
			return ""
		}
	}
	return fmt.Sprintf("refers to %s: a unit may refer to its own package, to modgate.base, modgate.lib and data.<name>", r)
}
