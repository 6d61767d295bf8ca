package policies

import (
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// probe answers all predicates of a plan at once, one bit each, and looks at
// its raw values. It looks at each field once, and allocates nothing.
type probe struct {
	words   []wordTable
	enums   []enumTable
	steps   []stepTable
	scans   []scan
	flags   uint64                                      // the bits of what is true of a request that may be repeated
	texts   []field                                     // raw, of text
	numbers []func(*fallback.Query, *time.Location) int // raw, of the rest
	seed    maphash.Seed
}

// newProbe returns the probe of what f found.
func newProbe(f *findings) *probe {
	p := &probe{seed: maphash.MakeSeed()}
	if f.bypass != "" {
		return p
	}
	words, steps := map[field]map[string]uint64{}, map[field][]numbered{}
	for i := range f.predicates {
		p.add(&f.predicates[i], 1<<i, words, steps)
	}
	for f := range fieldCount {
		if words[f] != nil {
			p.words = append(p.words, newWordTable(f, words[f]))
		}
		if steps[f] != nil {
			p.steps = append(p.steps, newStepTable(f, steps[f]))
		}
	}
	for _, r := range f.raw {
		if wholeOf(r) == nil {
			p.texts = append(p.texts, r)
		} else {
			p.numbers = append(p.numbers, wholeOf(r))
		}
	}
	return p
}

// add puts a predicate where it is answered with the fewest looks.
func (p *probe) add(q *predicate, bit uint64, words map[field]map[string]uint64, steps map[field][]numbered) {
	moments, ok := q.moments()
	switch {
	case fields[q.field].kind == boolean:
		p.flags |= bit
	case placeOf[q.field] != nil:
		p.addEnum(q, bit)
	case fields[q.field].kind == numeric:
		steps[q.field] = append(steps[q.field], numbered{q.test, q.number, bit})
	case ok:
		for _, n := range moments {
			steps[q.field] = append(steps[q.field], numbered{q.onNumbers(), n, bit})
		}
	case q.test == equals || q.test == isAmong:
		if words[q.field] == nil {
			words[q.field] = map[string]uint64{}
		}
		for _, w := range q.words() {
			words[q.field][w] |= bit
		}
	default:
		i := slices.IndexFunc(p.scans, func(s scan) bool { return s.field == q.field })
		if i < 0 {
			i = len(p.scans)
			p.scans = append(p.scans, scan{field: q.field})
		}
		p.scans[i].list, p.scans[i].bits = append(p.scans[i].list, *q), append(p.scans[i].bits, bit)
	}
}

// addEnum asks the predicate about each word in advance.
func (p *probe) addEnum(q *predicate, bit uint64) {
	i := slices.IndexFunc(p.enums, func(t enumTable) bool { return t.field == q.field })
	if i < 0 {
		i = len(p.enums)
		p.enums = append(p.enums, enumTable{q.field, placeOf[q.field], make([]uint64, len(fields[q.field].words))})
	}
	for j, w := range fields[q.field].words {
		if q.holdsOf(w) {
			p.enums[i].bits[j] |= bit
		}
	}
}

// words are the texts of which q is true.
func (p *predicate) words() []string {
	if p.test == isAmong {
		return p.list
	}
	return []string{p.text}
}

// moments returns the numbers of the dates, or times of day, that p compares
// with. It is false if p is about something else, or compares with what is
// neither: then its order among texts counts.
func (p *predicate) moments() (list []int, ok bool) {
	form := map[field]string{fieldDate: time.DateOnly, fieldTime: clockForm}[p.field]
	if form == "" || p.test != equals && p.test != isAmong && p.test != below {
		return nil, false
	}
	for _, s := range p.words() {
		t, err := time.Parse(form, s)
		if err != nil || t.Format(form) != s {
			return nil, false
		}
		if p.field == fieldDate {
			list = append(list, dateNumber(t))
		} else {
			list = append(list, clockNumber(t))
		}
	}
	return list, true
}

// onNumbers is the test of p, of a moment, as one of numbers.
func (p *predicate) onNumbers() test {
	if p.test == below {
		return below
	}
	return equals
}

// dateNumber and clockNumber order dates, and times of day, as their texts do.
func dateNumber(t time.Time) int {
	y, m, d := t.Date()
	return y*10_000 + int(m)*100 + d
}

func clockNumber(t time.Time) int { return t.Hour()*60 + t.Minute() }

// answers returns the answers of all predicates.
func (p *probe) answers(q *fallback.Query, zone *time.Location) (bits uint64) {
	for i := range p.words {
		t := &p.words[i]
		bits |= t.of(t.value(q, zone))
	}
	for i := range p.enums {
		t := &p.enums[i]
		bits |= t.bits[t.value(q, zone)]
	}
	for i := range p.steps {
		t := &p.steps[i]
		bits |= t.of(t.value(q, zone))
	}
	for i := range p.scans {
		s := &p.scans[i]
		text := s.field.text(q, zone)
		for j := range s.list {
			l := &s.list[j]
			if l.test == startsWith && strings.HasPrefix(text, l.text) || l.test != startsWith && l.holdsOf(text) {
				bits |= s.bits[j]
			}
		}
	}
	if q.HTTP.Repeatable {
		bits |= p.flags
	}
	return bits
}

// wholeOf returns how the value of f is a number, nil if it is text: numbers
// are, flags, dates and times of day.
func wholeOf(f field) func(*fallback.Query, *time.Location) int {
	switch {
	case f == fieldDate:
		return func(q *fallback.Query, zone *time.Location) int { return dateNumber(q.Now.In(zone)) }
	case f == fieldTime:
		return func(q *fallback.Query, zone *time.Location) int { return clockNumber(q.Now.In(zone)) }
	case fields[f].kind == boolean:
		return func(q *fallback.Query, _ *time.Location) int {
			if f.flag(q) {
				return 1
			}
			return 0
		}
	}
	return numberOf[f]
}

// longestRaw is how many bytes the raw texts of a stored decision may have. A
// request with longer ones is evaluated, within the module's meter.
const longestRaw = 256

// hash hashes the answers and q's raw values. It is false if those are too long
// to be stored.
func (p *probe) hash(bits uint64, q *fallback.Query, zone *time.Location) (h uint64, ok bool) {
	const mix = 0x9E3779B97F4A7C15
	h = bits * mix
	long := 0
	for _, f := range p.texts {
		s := f.text(q, zone)
		long += len(s)
		h = (h ^ h>>29 ^ p.hashText(s)) * mix
	}
	for _, value := range p.numbers {
		h = (h ^ h>>29 ^ uint64(value(q, zone))) * mix
	}
	return h ^ h>>29, long <= longestRaw
}

// hashText hashes s, of 16 bytes and less in a few instructions: names of
// tenants are short.
func (p *probe) hashText(s string) uint64 {
	const mix = 0xC2B2AE3D27D4EB4F
	n := len(s)
	switch {
	case n > 16:
		return maphash.String(p.seed, s)
	case n >= 8:
		return (eightBytes(s)*mix ^ eightBytes(s[n-8:]) ^ uint64(n)) * mix
	}
	h := uint64(n)
	for i := range n {
		h = h<<8 | uint64(s[i])
	}
	return h * mix
}

// eightBytes returns the first 8 bytes of s as a number.
func eightBytes(s string) uint64 {
	_ = s[7] // one check of the bounds
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
