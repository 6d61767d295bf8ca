package policies

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// decisions is how many random ones a test run compares.
const decisions = 20_000

// TestPlansAnswerAsEvaluationDoes compares, over policies from a grammar, what
// plans say with direct evaluation without rule indexing. MODGATE_DECISIONS and
// MODGATE_SEED make it longer and another.
func TestPlansAnswerAsEvaluationDoes(t *testing.T) {
	want, seed := number64(t, "MODGATE_DECISIONS", decisions), number64(t, "MODGATE_SEED", 1)
	var sums [4]tally // side by side
	t.Run("decisions", func(t *testing.T) {
		for part := range sums {
			t.Run(strconv.Itoa(part), func(t *testing.T) {
				t.Parallel()
				for i := part; sums[part].compared < want/uint64(len(sums)) && !t.Failed(); i += len(sums) {
					compareRandom(t, seed<<32+uint64(i), &sums[part])
				}
			})
		}
	})
	var sum tally
	for _, s := range sums {
		sum.add(s)
	}
	t.Logf("seed %d: %v", seed, sum)
	if !t.Failed() && (sum.stored < want/5 || sum.policies < sum.written*2/3 || sum.bypassed*2 > sum.plans) {
		t.Errorf("the comparison says little: %v", sum)
	}
}

func FuzzPlansAnswerAsEvaluationDoes(f *testing.F) {
	f.Add(uint64(7))
	f.Fuzz(func(t *testing.T, seed uint64) {
		compareRandom(t, seed, &tally{})
	})
}

func number64(t *testing.T, name string, unset uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return unset
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// tally is what was compared.
type tally struct {
	written, policies, plans, bypassed, constant uint64
	compared, stored                             uint64
}

func (s *tally) add(o tally) {
	s.written += o.written
	s.policies += o.policies
	s.plans += o.plans
	s.bypassed += o.bypassed
	s.constant += o.constant
	s.compared += o.compared
	s.stored += o.stored
}

func (s tally) String() string {
	return fmt.Sprintf("%d policies of %d written; %d plans, %d constant, %d bypassed; %d decisions, %d of them stored",
		s.policies, s.written, s.plans, s.constant, s.bypassed, s.compared, s.stored)
}

// compareRandom writes policies from a seed and compares decisions.
func compareRandom(t *testing.T, seed uint64, sum *tally) {
	t.Helper()
	g := newGrammar(seed, "site")
	files := map[string]string{"site/a.rego": g.policy()}
	if g.IntN(3) == 0 {
		g.unit = "modules.loans"
		files["modules/loans/a.rego"] = g.policy()
	}
	sum.written++
	e := openFiles(t, files)
	if e.Diagnostics() != nil {
		return // the grammar wrote what the compiler refuses
	}
	sum.policies++
	for range 4 {
		compareState(t, e, g, g.target(), sum, files)
	}
}

func compareState(t *testing.T, e *Engine, g *grammar, target fallback.Target, sum *tally, files map[string]string) {
	t.Helper()
	oracle := *e.current.Load()
	oracle.unindexed = true
	p := e.Plan(target)
	p.prepare()
	r := p.now.Load()
	sum.plans++
	if r.found.bypass != "" {
		sum.bypassed++
	}
	if r.answers.whole {
		sum.constant++
	}
	q := g.query(target)
	for range 25 {
		g.vary(&q)
		want, _ := oracle.ask(oracle.asked(target.Module), &q, input(&q, time.UTC), func(Fault) {})
		if r.find(&q, time.UTC) != nil {
			sum.stored++
		}
		got := p.Request(&q)
		got.Tally = nil
		sum.compared++
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\n got %+v\nwant %+v\npredicates %v\nraw %v\n%s\n%s", q, got, want, r.found.predicates, r.found.raw, files["modules/loans/a.rego"], files["site/a.rego"])
			return
		}
		p.meter.due.Store(0) // the meter has its own test
	}
}

// openFiles is open without a folder: for many.
func openFiles(t testing.TB, files map[string]string) *Engine {
	t.Helper()
	tree := fstest.MapFS{
		"data/config.json": {Data: []byte(`{"limit": 60, "list": ["GET", "gold"]}`)},
		"data/tiers.json":  {Data: []byte(`{"gold": "gold", "GET": "PUT", "loans": "lost", "a": "aa", "delayed": "GET", "/items": false}`)},
	}
	for p, text := range files {
		tree[p] = &fstest.MapFile{Data: []byte(text)}
	}
	e, err := Open(Options{tree: tree})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
