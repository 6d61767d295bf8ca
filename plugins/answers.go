package plugins

import (
	"encoding/binary"
	"slices"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/plugins/fuel"
)

// A guest asks for the same fields at most requests. So the host notes for
// which, and leaves the answers in the margin before the next request; likewise
// before the next answer of a module.

const (
	maxQuestions = (fuel.MarginEdits - fuel.MarginAnswers) / fuel.MarginAnswer
	maxIdle      = 4 // how often a question is answered in vain before it is forgotten
)

// question is what a guest asks for.
type question struct {
	kind adapter.Part
	name [fuel.AnswerNames]byte
	n    int // bytes of name
	idle int
}

// questions are what a guest asks for in a hook.
type questions []question

// questions returns those of this hook, nil if it has none.
func (c *call) questions() *questions {
	switch {
	case c.x == nil:
		return nil
	case c.phase == beforeNext:
		return &c.i.asked[0]
	case c.phase == afterNext:
		return &c.i.asked[1]
	default:
		return nil
	}
}

// ask notes that the guest had to ask the host.
func (c *call) ask(kind adapter.Part, name []byte) {
	qs := c.questions()
	if !c.i.g.margin || qs == nil || kind > adapter.ResponseHeader || len(name) > fuel.AnswerNames || len(*qs) == maxQuestions {
		return
	}
	for i := range *qs {
		if q := &(*qs)[i]; q.kind == kind && string(q.name[:q.n]) == string(name) {
			return // it was edited meanwhile, or is too long
		}
	}
	q := question{kind: kind, n: len(name)}
	copy(q.name[:], name)
	*qs = append(*qs, q)
}

// answer leaves the answers to what was asked in this hook before.
func (c *call) answer(on []byte) {
	on = on[fuel.MarginAnswers:fuel.MarginEdits]
	if c.answers > 0 {
		c.answered.forget(on, c.answers)
	}
	c.answers, c.answered = 0, c.questions()
	if c.answered != nil {
		for i := range *c.answered {
			(*c.answered)[i].answer(on, c.x)
			on = on[fuel.MarginAnswer:]
		}
		c.answers = len(*c.answered)
	}
	if len(on) > 0 {
		binary.LittleEndian.PutUint32(on[fuel.AnswerName:], 0) // no more
	}
}

// answer writes one, if there is room for it.
func (q *question) answer(on []byte, x adapter.Exchange) {
	name, length, count := q.name[:q.n], 0, 0
	room := on[fuel.AnswerAt:fuel.MarginAnswer]
	all := x.Fields(q.kind).All()
	for i := range all {
		if len(all[i].Name) != len(name) || !equalFold(all[i].Name, name) {
			continue
		}
		value := all[i].Value
		if len(value) >= len(room)-length {
			binary.LittleEndian.PutUint32(on[fuel.AnswerName:], fuel.AnswerNames+1) // nobody asks for that
			return
		}
		length += copy(room[length:], value)
		room[length] = 0
		length++
		count++
	}
	binary.LittleEndian.PutUint32(on[fuel.AnswerKind:], uint32(q.kind))
	binary.LittleEndian.PutUint32(on[fuel.AnswerName:], uint32(q.n))
	binary.LittleEndian.PutUint32(on[fuel.AnswerCount:], uint32(count))
	binary.LittleEndian.PutUint32(on[fuel.AnswerLength:], uint32(length))
	binary.LittleEndian.PutUint32(on[fuel.AnswerUsed:], 0)
	copy(on[fuel.AnswerNameAt:], q.name[:])
}

// forget drops those of the first n questions that were answered in vain, again
// and again. On has the answers.
func (qs *questions) forget(on []byte, n int) {
	for i := range n {
		q := &(*qs)[i]
		if q.idle++; binary.LittleEndian.Uint32(on[i*fuel.MarginAnswer+fuel.AnswerUsed:]) != 0 {
			q.idle = 0
		}
	}
	*qs = slices.DeleteFunc(*qs, func(q question) bool { return q.idle > maxIdle })
}
