package policies

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/modgate/modgate/core/fallback"
)

// names finds rules whose name is nearly an entrypoint's.
func (x *examiner) names(unit string) {
	u := x.snap.units[unit]
	for _, file := range sortedNames(u.modules) {
		m := u.modules[file]
		if !m.Package.Path.Equal(root(unit)) {
			continue
		}
		for _, r := range m.Rules {
			name := r.Head.Ref()[0].String()
			if near := nearest(name, entrypointNames()); near != "" && near != name {
				x.warn(r.Location, "%s is nobody's question: did you mean %s?", name, near)
			}
		}
	}
}

// references finds what refers to a rule that nobody has.
func (x *examiner) references(unit string) {
	c := x.snap.askers[unit].compiler
	for _, file := range sortedNames(x.snap.units[unit].modules) {
		ast.WalkRefs(c.Modules[file], func(r ast.Ref) bool {
			if r.HasPrefix(modgateRef) {
				x.reference(c.RuleTree, r)
			}
			return false
		})
	}
}

func (x *examiner) reference(tree *ast.TreeNode, r ast.Ref) {
	n := tree.Child(ast.DefaultRootDocument.Value)
	for i, t := range r[1:] {
		if len(n.Values) > 0 || !ast.IsConstant(t.Value) {
			return
		}
		child := n.Child(t.Value)
		if child == nil {
			x.wrong(r[0].Location, "refers to %s, which no rule defines%s", r[:i+2], nearRule(n, t))
			return
		}
		n = child
	}
}

// nearRule says which rule or package below n may be meant by t.
func nearRule(n *ast.TreeNode, t *ast.Term) string {
	var names []string
	for _, v := range n.Sorted {
		if s, ok := v.(ast.String); ok {
			names = append(names, string(s))
		}
	}
	s, _ := t.Value.(ast.String)
	if near := nearest(string(s), names); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// nearData says which document may be meant.
func (x *examiner) nearData(name string) string {
	if near := nearest(name, sortedNames(x.snap.data)); near != "" {
		return fmt.Sprintf(": did you mean data.%s?", near)
	}
	return ""
}

// members finds what is wrong with the members that a rule writes down, whether
// or not a question is found to which it answers with them.
func (x *examiner) members(e fallback.Entrypoint, r *ast.Rule) {
	for ; r != nil; r = r.Else {
		said, ok := r.Head.Value.Value.(ast.Object)
		if !ok || e == fallback.Alert {
			continue
		}
		said.Foreach(func(k, v *ast.Term) {
			name, ok := k.Value.(ast.String)
			if !ok {
				return
			}
			err := unknownMember(e, string(name))
			if slices.Contains(memberNames[e], string(name)) {
				if err = nil; ast.IsConstant(v.Value) {
					err = member(e, &fallback.Decision{}, string(name), v.Value)
				}
			}
			if err == nil {
				return
			}
			at, text := cmp.Or(k.Location, r.Location), fmt.Sprintf("%s: %s: %s %s", e, Invalid, string(name), err)
			if !slices.ContainsFunc(x.report.Findings, func(f Finding) bool { return f.File == at.File && f.Text == text }) {
				x.wrong(at, "%s", text)
			}
		})
	}
}
