package policies

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// grammar writes policies at random: of everything that the language has, with
// a liking for what deceives an analyser. Constants and the values of queries
// come from the same few, so that what is compared is sometimes equal.
type grammar struct {
	*rand.Rand
	unit   string
	fresh  int
	bools  []string // helpers so far, by what they are
	values []string
	sets   []string
	funcs  []string
	maps   []string

	// Each policy has a theme: a few of all that could be written, so that
	// what is rare in the language is not rare in some policy.
	conditions, uses, kinds []int

	leaves  []string // few, so that what one rule overlooks no other sees
	numbers []string
	words   []string
	limits  []int
}

// newGrammar returns a grammar with a few leaves and constants of its own.
func newGrammar(seed uint64, unit string) *grammar {
	g := &grammar{Rand: rand.New(rand.NewPCG(seed, 0)), unit: unit}
	g.leaves, g.numbers = some(g, textLeaves, 3), some(g, numberLeaves, 2)
	g.words, g.limits = some(g, textPool, 4), some(g, numberPool, 3)
	if g.IntN(4) == 0 {
		g.words = []string{"", "a", "aa"}
	}
	g.conditions, g.uses, g.kinds = some(g, upTo(8), 3), some(g, upTo(12), 4), some(g, upTo(8), 2)
	return g
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// some returns 1 to most members of list.
func some[T any](g *grammar, list []T, most int) []T {
	out := make([]T, 1+g.IntN(most))
	for i := range out {
		out[i] = pick(g, list)
	}
	return out
}

var (
	textLeaves = []string{
		"input.target.state", "input.target.reason", "input.target.note", "input.target.version", "input.caller.kind",
		"input.caller.module", "input.request.method", "input.request.path", "input.request.route", "input.request.host",
		"input.request.tenant", "input.now.weekday", "input.now.date", "input.now.time",
	}
	windows      = []string{`"22:00", "05:00"`, `"04:00", "22:00"`, `"10:00", "10:00"`}
	numberLeaves = []string{
		"input.target.absent_s", "input.target.ttl_left_s", "input.target.losses", "input.target.expected_s",
		"input.request.size", "input.parked.count", "input.now.hour",
	}
	textPool = []string{
		"GET", "PUT", "POST", "/items", "/items/7", "gold", "basic", "client", "module", "loans", "delayed", "missing", "updating",
		"lost", "tuesday", "2026-11-24", "22:00", "",
	}
	numberPool = []int{0, 1, 5, 10, 22, 59, 60, 61, 100}
)

func pick[T any](g *grammar, list []T) T { return list[g.IntN(len(list))] }

// named picks a helper, often the last one: it is the most involved.
func named(g *grammar, list []string) string {
	if g.IntN(2) == 0 {
		return list[len(list)-1]
	}
	return pick(g, list)
}

func (g *grammar) oneOf(choices ...func() string) string { return pick(g, choices)() }

func (g *grammar) variable() string {
	g.fresh++
	return fmt.Sprintf("v%d", g.fresh)
}

func (g *grammar) text() string   { return pick(g, g.leaves) }
func (g *grammar) number() string { return pick(g, g.numbers) }
func (g *grammar) quoted() string { return fmt.Sprintf("%q", pick(g, g.words)) }
func (g *grammar) digits() string { return fmt.Sprint(pick(g, g.limits)) }

func (g *grammar) set() string {
	list := make([]string, 1+g.IntN(3))
	for i := range list {
		list[i] = g.quoted()
	}
	return "{" + strings.Join(list, ", ") + "}"
}

func (g *grammar) negated(s string) string {
	if g.IntN(4) == 0 {
		return "not " + s
	}
	return s
}

// body returns conditions on lines of their own.
func (g *grammar) body(depth int) string {
	list := make([]string, 1+g.IntN(2))
	for i := range list {
		list[i] = g.condition(depth)
	}
	return strings.Join(list, "\n\t")
}

func (g *grammar) condition(depth int) string {
	if depth == 0 {
		return g.simple()
	}
	if g.IntN(3) == 0 {
		return g.simple()
	}
	return []func() string{
		g.helper, g.with, g.named, g.captured, g.outer, g.datum, g.grouped,
		func() string {
			return g.oneOf(func() string { return g.every(depth) }, func() string { return g.comprehension(depth) })
		},
	}[pick(g, g.conditions)]()
}

// simple is what can become a question, and some that look like one.
func (g *grammar) simple() string {
	return g.negated(g.oneOf(
		func() string {
			return fmt.Sprintf("%s %s %s", g.text(), pick(g, []string{"==", "!=", "<", "<=", ">", ">="}), g.quoted())
		},
		func() string {
			return fmt.Sprintf("%s %s %s", g.quoted(), pick(g, []string{"==", "<", ">="}), g.text())
		},
		func() string { return fmt.Sprintf("%s in %s", g.text(), g.set()) },
		func() string {
			return fmt.Sprintf("%s(%s, %s)", pick(g, []string{"startswith", "endswith", "contains"}), g.text(), g.quoted())
		},
		func() string { return fmt.Sprintf("startswith(%s, %s)", g.quoted(), g.text()) },
		func() string { return fmt.Sprintf("regex.match(`^/i|T$`, %s)", g.text()) },
		func() string {
			return fmt.Sprintf("%s %s %s", g.number(), pick(g, []string{"==", "!=", "<", "<=", ">", ">="}), g.digits())
		},
		func() string {
			return fmt.Sprintf("%s %s %s.5", g.number(), pick(g, []string{"<", "<=", ">", ">="}), g.digits())
		},
		func() string { return fmt.Sprintf("%s > %s", g.digits(), g.number()) },
		func() string { return fmt.Sprintf("%s in {%s, %s}", g.number(), g.digits(), g.digits()) },
		func() string { return fmt.Sprintf("%s == %s", g.text(), g.text()) },
		func() string { return fmt.Sprintf("%s + %s > %s", g.number(), g.number(), g.digits()) },
		func() string { return "input.request.repeatable" },
		func() string { return "input.request.repeatable == false" },
		func() string { return fmt.Sprintf("lower(%s) == \"get\"", g.text()) },
	))
}

// named gives a leaf a name first.
func (g *grammar) named() string {
	v := g.variable()
	return g.oneOf(
		func() string { return fmt.Sprintf("%s := %s\n\t%s == %s", v, g.text(), v, g.quoted()) },
		func() string { return fmt.Sprintf("%s := %s\n\tnot %s in %s", v, g.text(), v, g.set()) },
		func() string { return fmt.Sprintf("%s = %s\n\t%s = %s", v, g.text(), v, g.text()) },
		func() string { return fmt.Sprintf("%s = %s\n\t%s = %s", v, g.text(), v, g.quoted()) },
		func() string { return fmt.Sprintf("some %s in %s\n\t%s == %s", v, g.set(), v, g.text()) },
		func() string {
			return fmt.Sprintf("%s := $\"<{%s}>\"\n\t%s %s \"<GET>\"", v, g.text(), v, pick(g, []string{"!=", "=="}))
		},
		func() string {
			return fmt.Sprintf("[%s, %s] = [%s, %s]\n\t%s != %s", v, v+"b", g.text(), g.text(), v, v+"b")
		},
	)
}

// captured keeps the truth of a comparison as a value.
func (g *grammar) captured() string {
	v := g.variable()
	return fmt.Sprintf("%s := %s == %s\n\t%s == %v", v, g.text(), g.quoted(), v, g.IntN(2) == 0)
}

// helper refers to a rule that is there already.
func (g *grammar) helper() string {
	return g.negated([]func() string{
		func() string { return named(g, g.bools) },
		func() string { return fmt.Sprintf("%s == %s", named(g, g.values), g.quoted()) },
		func() string { return fmt.Sprintf("%s == %s", g.text(), named(g, g.values)) },
		func() string { return fmt.Sprintf("%s != %s", named(g, g.values), g.text()) },
		func() string {
			return fmt.Sprintf("count(%s) %s", named(g, g.sets), pick(g, []string{"> 0", "> 1", "== 0", "== 1"}))
		},
		func() string { return fmt.Sprintf("%s in %s", g.text(), named(g, g.sets)) },
		func() string { return fmt.Sprintf("%s[%s] == %s", named(g, g.maps), g.text(), g.digits()) },
		func() string {
			return fmt.Sprintf("%s%s", named(g, g.maps), g.oneOf(func() string { return ".a" }, func() string { return "[" + g.text() + "]" }))
		},
		func() string { return fmt.Sprintf("%s(%s)", named(g, g.funcs), g.text()) },
		func() string { return fmt.Sprintf("%s(%s) == \"r\"", named(g, g.funcs), g.text()) },
		func() string { return fmt.Sprintf("%s(%s) != \"w\"", named(g, g.funcs), g.quoted()) },
		func() string { return fmt.Sprintf("lib.safe(%s)", g.text()) },
	}[pick(g, g.uses)]())
}

// with looks at a rule as if input were another.
func (g *grammar) with() string {
	target := g.oneOf(g.text, func() string { return "input.target.note" })
	value := g.oneOf(g.quoted, g.text)
	return g.negated(g.oneOf(
		func() string { return fmt.Sprintf("%s with %s as %s", named(g, g.bools), target, value) },
		func() string { return fmt.Sprintf("%s with %s as %s", named(g, g.bools), target, value) },
		func() string {
			return fmt.Sprintf("%s == %s with %s as %s", named(g, g.values), g.quoted(), target, value)
		},
		func() string { return fmt.Sprintf("%s(%s) with %s as %s", named(g, g.funcs), g.text(), target, value) },
		func() string {
			return fmt.Sprintf("%s with %s as true", named(g, g.bools), g.rooted(named(g, g.bools)))
		},
	))
}

func (g *grammar) rooted(rule string) string { return "data.modgate." + g.unit + "." + rule }

func (g *grammar) every(depth int) string {
	v := g.variable()
	return g.oneOf(
		func() string { return fmt.Sprintf("every %s in %s { %s != %s }", v, g.set(), v, g.text()) },
		func() string {
			return fmt.Sprintf("every %s in [%s, %s] { %s != %s }", v, g.text(), g.text(), v, g.quoted())
		},
		func() string { return fmt.Sprintf("every %s in [1, 2] { %s > 0; %s }", v, v, g.condition(depth-1)) },
	)
}

func (g *grammar) comprehension(depth int) string {
	v := g.variable()
	return g.oneOf(
		func() string { return fmt.Sprintf("count([1 | %s]) == %d", g.condition(depth-1), g.IntN(2)) },
		func() string {
			return fmt.Sprintf("count({%s | some %s in %s; %s == %s}) > 0", v, v, g.set(), v, g.text())
		},
		func() string { return fmt.Sprintf("{%s: 1 | %s := %s} == {%s: 1}", v, v, g.text(), g.quoted()) },
	)
}

// outer compares inside a closure what has its value from outside: it looks
// like giving it a name.
func (g *grammar) outer() string {
	v := g.variable()
	return g.oneOf(
		func() string {
			return fmt.Sprintf("some %s in %s\n\tcount([1 | %s = %s]) == 1", v, g.set(), v, g.text())
		},
		func() string {
			return fmt.Sprintf("some %s in %s\n\tevery w in [1] { w == 1; %s = %s }", v, g.set(), v, g.text())
		},
		func() string { return fmt.Sprintf("%s := %s\n\tcount([1 | %s = %s]) == 1", v, g.text(), v, g.quoted()) },
	)
}

func (g *grammar) datum() string {
	return g.negated(g.oneOf(
		func() string { return fmt.Sprintf("data.tiers[%s] == %s", g.text(), g.quoted()) },
		func() string { return fmt.Sprintf("data.tiers[%s]", g.text()) },
		func() string { return fmt.Sprintf("%s < data.config.limit", g.number()) },
		func() string { return fmt.Sprintf("%s in data.config.list", g.text()) },
	))
}

// grouped gives a part of input a name.
func (g *grammar) grouped() string {
	v := g.variable()
	return g.oneOf(
		func() string { return fmt.Sprintf("%s := input.request\n\t%s.method == %s", v, v, g.quoted()) },
		func() string { return fmt.Sprintf("%s := input.request\n\tnot %s.route in %s", v, v, g.set()) },
		func() string { return fmt.Sprintf("%s := input\n\t%s.now.hour < %s", v, v, g.digits()) },
		func() string { return "late(input.now)" },
		func() string { return fmt.Sprintf("lib.within(input.now, %s)", pick(g, windows)) },
		func() string { return fmt.Sprintf("%s := input.caller\n\t%s in %s", v, g.quoted(), v) },
	)
}

func (g *grammar) decision() string {
	return g.oneOf(
		func() string { return fmt.Sprintf(`{"action": "delay", "wait_s": %d}`, 1+g.IntN(9)) },
		func() string { return fmt.Sprintf(`{"action": "delay", "mode": "reply", "rule": "r%d"}`, g.IntN(3)) },
		func() string { return `{"action": "missing"}` },
		func() string { return fmt.Sprintf(`{"action": "missing", "detail": %s}`, g.text()) },
		func() string { return fmt.Sprintf(`{"action": "delay", "wait_s": %s + 1}`, g.number()) },
		func() string {
			return fmt.Sprintf(`{"action": "missing", "detail": concat("|", [%s, %s])}`, g.text(), g.text())
		},
		func() string {
			return fmt.Sprintf(`{"action": "missing", "detail": $"{%s} for {%s}"}`, g.text(), named(g, g.values))
		},
		func() string { return fmt.Sprintf(`{"action": "fallback", "fallback": {"module": "m%d"}}`, g.IntN(2)) },
		func() string { return fmt.Sprintf(`{"action": "missing", "detail": %s}`, named(g, g.values)) },
		func() string { return `{"action": "delay", "wait_s": 0}` }, // invalid
	)
}

// policy returns a unit of the package modgate.<unit>.
func (g *grammar) policy() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	line("package modgate.%s", g.unit)
	line("import data.modgate.lib")
	line("late(now) if now.hour > %s", g.digits())
	line("b0 if %s", g.simple())
	line("safe if lib.safe(%s)", g.text())
	line("w0 := \"r\"")
	line("s0 := %s", g.set())
	line("m0 := {\"GET\": 1, \"a\": 5}")
	line("f0(x) := \"r\" if x in %s", g.set())
	line("f0(%s) := \"r\"", g.quoted())
	g.bools, g.values, g.sets, g.maps, g.funcs = []string{"b0", "safe"}, []string{"w0"}, []string{"s0"}, []string{"m0"}, []string{"f0"}
	helpers := g.IntN(5)
	if g.IntN(20) == 0 {
		helpers = 40 // a policy that has grown
	}
	for i := range helpers {
		g.define(i+1, line)
	}
	if g.IntN(3) == 0 {
		line("default request := {\"action\": \"delay\"}")
	}
	for range 1 + g.IntN(2) {
		rule := fmt.Sprintf("request := %s if {\n\t%s\n}", g.decision(), g.body(2))
		for range g.IntN(3) {
			rule += fmt.Sprintf(" else := %s if {\n\t%s\n}", g.decision(), g.body(2))
		}
		line("%s", rule)
	}
	return b.String()
}

// define writes one more helper, of the policy's kinds.
func (g *grammar) define(i int, line func(string, ...any)) {
	name := fmt.Sprintf("h%d", i)
	switch pick(g, g.kinds) {
	case 0:
		for range 1 + g.IntN(2) {
			line("%s if {\n\t%s\n}", name, g.body(1))
		}
		g.bools = append(g.bools, name)
	case 1: // true in some states only
		line("%s if {\n\tinput.target.note %s %s\n\t%s\n}", name, pick(g, []string{"==", "!="}), g.quoted(), g.simple())
		g.bools = append(g.bools, name)
	case 2:
		if g.IntN(2) == 0 {
			line("default %s := %s", name, g.quoted())
		}
		line("%s := %s if {\n\t%s\n} else := %s if {\n\t%s\n}", name, g.oneOf(g.quoted, g.text), g.body(1), g.quoted(), g.body(1))
		g.values = append(g.values, name)
	case 3: // looks like a constant
		line("%s := %s if %s == %s", name, g.quoted(), g.text(), g.quoted())
		g.values = append(g.values, name)
	case 4:
		g.defineValue(name, line)
		g.values = append(g.values, name)
	case 5:
		line("%s contains %s if {\n\tinput.target.version %s %s\n\t%s\n}", name, g.quoted(), pick(g, []string{"==", "!="}), g.quoted(), g.body(1))
		if g.IntN(2) == 0 {
			line("%s contains v if {\n\tv := %s\n\t%s\n}", name, g.text(), g.simple())
		}
		g.sets = append(g.sets, name)
	case 6:
		line("%s[%s] := %s if {\n\t%s\n}", name, g.text(), g.digits(), g.body(1))
		line("%s.a := %s if %s", name, g.digits(), g.simple())
		g.maps = append(g.maps, name)
	case 7:
		if g.IntN(3) == 0 {
			line("default %s(_) := \"d\"", name)
		}
		line("%s(x) := \"r\" if {\n\tx == %s\n\t%s\n} else := \"w\" if {\n\tnot x in %s\n\t%s\n}", name, g.quoted(), g.body(1), g.set(), g.body(1))
		g.funcs = append(g.funcs, name)
	}
}

func (g *grammar) defineValue(name string, line func(string, ...any)) {
	if g.IntN(2) == 0 {
		line("%s := v if {\n\tv := %s\n\t%s\n}", name, g.text(), g.simple())
		return
	}
	line("default %s := %s", name, g.quoted())
	line("%s := %s if {\n\tinput.target.note == %s\n\t%s\n}", name, g.quoted(), g.quoted(), g.simple())
}
