package policies

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// TestProbeAnswersAsPredicatesDo compares all predicates at once with each for
// itself.
func TestProbeAnswersAsPredicatesDo(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	for seed := range uint64(200) {
		g := newGrammar(seed, "site")
		var f findings
		for range 1 + g.IntN(mostPredicates) {
			f.predicates = append(f.predicates, randomPredicate(g))
		}
		p := newProbe(&f)
		for range 50 {
			q := g.query(g.target())
			q.Now = time.Date(2026, 11, 22+g.IntN(4), pick(g, []int{7, 8, 22, 23}), pick(g, []int{0, 1, 59}), 0, 0, time.UTC)
			q.Caller.OnDelay = message.OnDelay(g.IntN(2))
			bits := p.answers(&q, zone)
			for i := range f.predicates {
				if got, want := bits>>i&1 == 1, f.predicates[i].holds(&q, zone); got != want {
					t.Fatalf("seed %d: %v of %+v: got %v, want %v", seed, &f.predicates[i], q, got, want)
				}
			}
		}
	}
}

// randomPredicate returns a question about a field, often one that others ask
// about too.
func randomPredicate(g *grammar) predicate {
	f := pick(g, []field{fieldMethod, fieldMethod, fieldPath, fieldAbsent, fieldAbsent, fieldSize, fieldHour, fieldDate, fieldDate, fieldTime, fieldTime, fieldWeekday, fieldCallerKind, fieldCallerOnDelay, fieldRepeatable})
	word := func() string {
		if f == fieldDate {
			return pick(g, []string{"2026-11-22", "2026-11-23", "2026-11-24", "2026-11", "2026-1-24", ""})
		}
		if f == fieldTime {
			return pick(g, []string{"00:00", "08:00", "08:01", "23:59", "8:00", "24:00", "12", ""})
		}
		if words := fields[f].words; words != nil {
			return pick(g, words)
		}
		return g.word()
	}
	switch fields[f].kind {
	case boolean:
		return predicate{field: f, test: isSet}
	case numeric:
		return predicate{field: f, test: pick(g, []test{equals, below}), number: g.limit()}
	default:
		list := []string{word(), word()}
		slices.Sort(list)
		return predicate{
			field: f, test: pick(g, []test{equals, below, isAmong, startsWith, endsWith, includes, matches}), text: word(),
			list: slices.Compact(list), pattern: regexp.MustCompile(`^/i|T$|2$`),
		}
	}
}

// TestStoredDecisionIsFoundByItsOwnRawValues: no other request finds it, however
// its values are cut.
func TestStoredDecisionIsFoundByItsOwnRawValues(t *testing.T) {
	f := findings{raw: []field{fieldTenant, fieldHost, fieldRepeatable, fieldDate, fieldTime, fieldSize}}
	slices.Sort(f.raw)
	p, a := newProbe(&f), newAnswers(&f)
	texts, random := []string{"", "a", "aa", "aaa"}, rand.New(rand.NewPCG(1, 2))
	kept := map[string]*fallback.Decision{}
	name := func(q *fallback.Query) string {
		s := ""
		for _, f := range f.raw {
			s += f.term(q, time.UTC).String() + " "
		}
		return s
	}
	for range 2000 {
		q := fallback.Query{Now: time.Date(2026, 11, 1+random.IntN(2), 0, random.IntN(2), 0, 0, time.UTC)}
		q.HTTP = fallback.HTTP{Tenant: texts[random.IntN(4)], Host: texts[random.IntN(4)], Repeatable: random.IntN(2) == 0, Size: int64(random.IntN(2))}
		got, want := a.find(p, &q, time.UTC), kept[name(&q)]
		if got != nil && (want == nil || got.Detail != want.Detail) {
			t.Fatalf("%s: got %+v, want %+v", name(&q), got, want)
		}
		d := &fallback.Decision{Detail: name(&q)}
		kept[name(&q)] = d
		a.put(p, &q, time.UTC, d)
		if got := a.find(p, &q, time.UTC); got == nil || got.Detail != d.Detail {
			t.Fatalf("%s: got %+v just after it was stored", name(&q), got)
		}
	}
}
