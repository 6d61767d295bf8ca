package policies

import (
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// A policy tells apart only what its predicates do, so the values on either
// side of each of them stand for all there are.

// value is a field's value, text as it is written in JSON without quotes.
type value struct {
	text   string
	number int
	flag   bool
}

// sample is a field and the values that stand for all.
type sample struct {
	field  field
	values []value
}

// other is a text that no policy compares with.
const other = "other"

// samples returns one sample for each field that f has, in order of fields.
func samples(f *findings) []sample {
	of := map[field][]value{}
	for i := range f.predicates {
		p := &f.predicates[i]
		of[p.field] = append(of[p.field], p.values()...)
	}
	for _, r := range f.raw {
		of[r] = append(of[r], r.values()...)
	}
	var list []sample
	for f := range fieldCount {
		if values, ok := of[f]; ok {
			list = append(list, sample{f, distinct(values)})
		}
	}
	return list
}

func distinct(list []value) (out []value) {
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// values returns values of which p is true, and of which it is not.
func (p *predicate) values() []value {
	switch fields[p.field].kind {
	case boolean:
		return []value{{flag: true}, {}}
	case numeric:
		list := []value{{number: p.number}, {number: p.number + 1}}
		if p.number > 0 {
			list = append(list, value{number: p.number - 1})
		}
		return list
	case textual:
	}
	if _, ok := p.moments(); ok {
		return p.moment()
	}
	list := p.field.words(other)
	switch p.test {
	case equals:
		list = append(list, value{text: p.text})
	case below:
		list = append(list, value{}, value{text: p.text}, value{text: p.text + "~"})
	case isAmong:
		for _, s := range p.list {
			list = append(list, value{text: s})
		}
	case startsWith:
		list = append(list, value{text: p.text + "x"})
	case endsWith:
		list = append(list, value{text: "x" + p.text})
	case includes:
		list = append(list, value{text: "x" + p.text + "x"})
	case matches:
		list = append(list, value{text: matching(p.pattern.String())})
	case isSet:
	}
	return list
}

// moment returns the dates, or times of day, that p compares with, and those
// beside them.
func (p *predicate) moment() (list []value) {
	form, step := time.DateOnly, 24*time.Hour
	if p.field == fieldTime {
		form, step = clockForm, time.Minute
	}
	for _, s := range p.words() {
		t, _ := time.Parse(form, s) // it is one
		for _, t := range []time.Time{t, t.Add(step), t.Add(-step)} {
			list = append(list, value{text: t.Format(form)})
		}
	}
	return list
}

// values returns values of a field of which all matter.
func (f field) values() []value {
	switch fields[f].kind {
	case boolean:
		return []value{{flag: true}, {}}
	case numeric:
		return []value{{}, {number: 1}, {number: 59}, {number: 3600}}
	case textual:
	}
	switch f {
	case fieldDate:
		return f.words("2026-11-24", "2026-12-24")
	case fieldTime:
		return f.words("12:00", "00:00")
	default:
		return f.words(other, "another")
	}
}

// words returns all that f can be if those are few, else the texts given.
func (f field) words(texts ...string) (list []value) {
	if all := fields[f].words; all != nil {
		texts = all
	}
	for _, s := range texts {
		list = append(list, value{text: s})
	}
	return list
}

// set gives f the value v in q. Not all fields can have all values at once:
// has tells.
func (f field) set(q *fallback.Query, v value) {
	switch f {
	case fieldEntrypoint: // is what is asked
	case fieldModule:
		q.Target.Module = v.text
	case fieldState:
		_ = q.Target.State.UnmarshalText([]byte(v.text)) // has tells
		switch {
		case !absent(q):
			q.Target.Reason = message.NoReason
		case q.Target.Reason == message.NoReason:
			q.Target.Reason = message.ReasonStarting
		}
	case fieldReason:
		_ = q.Target.Reason.UnmarshalText([]byte(v.text)) // has tells
	case fieldVersion:
		q.Target.Version = v.text
	case fieldServing:
		q.Target.Serving = v.text
	case fieldOlder:
		q.Target.Older = v.text
	case fieldExpected:
		q.Target.Expected = time.Duration(v.number) * time.Second
	case fieldNote:
		q.Target.Note = v.text
	case fieldLosses:
		q.Target.Losses = v.number
	case fieldAsked:
		q.Target.Asked = time.Duration(v.number) * time.Second
	case fieldAbsent:
		q.Target.Absent = time.Duration(v.number) * time.Second
	case fieldTTLLeft:
		q.Target.TTLLeft = time.Duration(v.number) * time.Second
	default:
		f.setAsked(q, v)
	}
}

func (f field) setAsked(q *fallback.Query, v value) {
	switch f {
	case fieldWeekday:
		q.Now = q.Now.AddDate(0, 0, slices.Index(weekdays[:], v.text)-int(q.Now.Weekday()))
	case fieldDate:
		if day, err := time.Parse(time.DateOnly, v.text); err == nil {
			q.Now = day.Add(time.Duration(q.Now.Hour())*time.Hour + time.Duration(q.Now.Minute())*time.Minute)
		}
	case fieldTime:
		if at, err := time.Parse(clockForm, v.text); err == nil {
			q.Now = time.Date(q.Now.Year(), q.Now.Month(), q.Now.Day(), at.Hour(), at.Minute(), 0, 0, q.Now.Location())
		}
	case fieldHour:
		q.Now = q.Now.Add(time.Duration(v.number-q.Now.Hour()) * time.Hour)
	case fieldMinute:
		q.Now = q.Now.Add(time.Duration(v.number-q.Now.Minute()) * time.Minute)
	case fieldCallerKind:
		q.Caller.Module = map[string]string{"module": other}[v.text]
	case fieldCallerModule:
		q.Caller.Module = v.text
	case fieldCallerVersion:
		q.Caller.Version = v.text
	case fieldCallerOnDelay:
		_ = q.Caller.OnDelay.UnmarshalText([]byte(v.text)) // has tells
	case fieldMethod:
		q.HTTP.Method = v.text
	case fieldPath:
		q.HTTP.Path = v.text
	case fieldRoute:
		q.HTTP.Route = v.text
	case fieldHost:
		q.HTTP.Host = v.text
	case fieldTenant:
		q.HTTP.Tenant = v.text
	case fieldSize:
		q.HTTP.Size = int64(v.number)
	case fieldRepeatable:
		q.HTTP.Repeatable = v.flag
	case fieldParkedCount:
		q.Parked.Count = v.number
	case fieldParkedPercent:
		q.Parked = fallback.Parked{Count: v.number, Limit: 100}
	case fieldPlatformUpdating:
		q.Platform.Updating = v.number
	case fieldTroubleDelayed:
		q.Trouble.Delayed = v.number
	case fieldTroubleMissing:
		q.Trouble.Missing = v.number
	case fieldTroubleOldest:
		q.Parked.Oldest = time.Duration(v.number) * time.Second
	case fieldTroubleUnmet:
		q.Trouble.Unmet = v.number
	case fieldTroubleUnmetFor:
		q.Trouble.Since = time.Duration(v.number) * time.Second
	default:
		panic("policies: " + f.String() + " is not set")
	}
}

// has reports whether f is v in q.
func (f field) has(q *fallback.Query, v value) bool {
	switch fields[f].kind {
	case textual:
		return f.text(q, time.UTC) == v.text
	case numeric:
		return f.number(q, time.UTC) == v.number
	default:
		return f.flag(q) == v.flag
	}
}

// possible reports whether q can be asked: whether a module can be in that
// state at all (A1), and whether it is then asked about.
func possible(q *fallback.Query) bool {
	if q.Target.Reason > message.ReasonForced || absent(q) != (q.Target.Reason != message.NoReason) {
		return false
	}
	switch q.Entrypoint {
	case fallback.Absence:
		return absent(q)
	case fallback.Watch, fallback.Resume:
		return q.Target.State == message.Ready
	case fallback.Request:
		return absent(q) || q.Target.State == message.Ready
	case fallback.Update, fallback.Grace, fallback.Alert:
	}
	return true
}

func absent(q *fallback.Query) bool {
	return q.Target.State == message.Delayed || q.Target.State == message.Missing
}

// mostQueries is how many combinations are asked at most.
const mostQueries = 4096

// queries returns from's variations over all combinations of the samples, or,
// if those are too many, over as many at random, the same ones each time.
// whole tells which.
func queries(from fallback.Query, list []sample) (seq iter.Seq[*fallback.Query], whole bool) {
	count := 1
	for _, s := range list {
		if count *= len(s.values); count > mostQueries {
			break
		}
	}
	whole = count <= mostQueries
	random := rand.New(rand.NewPCG(1, 2))
	return func(yield func(*fallback.Query) bool) {
		for n := range min(count, mostQueries) {
			rest, q := n, from
			chosen := make([]value, len(list))
			for i, s := range list {
				if whole {
					chosen[i] = s.values[rest%len(s.values)]
					rest /= len(s.values)
				} else {
					chosen[i] = s.values[random.IntN(len(s.values))]
				}
				s.field.set(&q, chosen[i])
			}
			if possible(&q) && agree(&q, list, chosen) && !yield(&q) {
				return
			}
		}
	}, whole
}

func agree(q *fallback.Query, list []sample, chosen []value) bool {
	for i, s := range list {
		if s.field != fieldEntrypoint && !s.field.has(q, chosen[i]) {
			return false
		}
	}
	return true
}
