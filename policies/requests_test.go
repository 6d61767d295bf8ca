package policies

import (
	"slices"
	"strings"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// word and limit return what policies compare with, or what lies beside it.
func (g *grammar) word() string {
	if g.IntN(4) == 0 {
		return pick(g, textPool)
	}
	return pick(g, g.words)
}

func (g *grammar) limit() int { return max(0, pick(g, g.limits)+g.IntN(3)-1) }

// target returns a state of a module at random.
func (g *grammar) target() fallback.Target {
	t := fallback.Target{
		Module: "loans", State: pick(g, []message.Availability{message.Delayed, message.Delayed, message.Missing}),
		Reason: pick(g, []message.Reason{message.ReasonUpdating, message.ReasonLost, message.ReasonStarting}),
		Note:   g.word(), Version: g.word(), Losses: g.limit(),
	}
	t.Expected = time.Duration(g.limit()) * time.Second
	return t
}

// query returns a request to a module in state t at random.
func (g *grammar) query(t fallback.Target) fallback.Query {
	q := fallback.Query{Entrypoint: fallback.Request, Target: t}
	for range 12 {
		g.vary(&q)
	}
	return q
}

// vary changes one field of q, mostly one that the policy refers to: a request
// like the one before.
func (g *grammar) vary(q *fallback.Query) {
	if g.IntN(4) > 0 {
		list := append(slices.Clone(g.leaves), g.numbers...)
		f := leaves[strings.TrimPrefix(pick(g, list), "input.")]
		if fields[f].class != known {
			f.set(q, value{text: g.word(), number: g.limit()})
			return
		}
	}
	switch g.IntN(13) {
	case 0:
		q.Target.Absent = time.Duration(g.limit()) * time.Second
	case 1:
		q.Target.TTLLeft = time.Duration(g.limit()) * time.Second
	case 2:
		q.Now = time.Date(2026, 11, 23+g.IntN(2), pick(g, []int{0, 4, 5, 10, 22, 23}), 0, 0, 0, time.UTC)
	case 3, 4:
		q.HTTP.Method = g.word()
	case 5:
		q.HTTP.Path = g.word()
	case 6:
		q.HTTP.Route = g.word()
	case 7:
		q.HTTP.Host = g.word()
	case 8:
		q.HTTP.Tenant = g.word()
	case 9:
		q.HTTP.Size = int64(g.limit())
	case 10:
		q.HTTP.Repeatable = g.IntN(2) == 0
	case 11:
		q.Parked = fallback.Parked{Count: g.limit(), Limit: 100}
	case 12:
		q.Caller = pick(g, []fallback.Caller{{}, {Module: "loans", Version: "1.0.0"}, {Module: g.word(), Version: "2.0.0"}})
	}
}
