package policies

import "time"

// budget is a topdown.Cancel that counts. It needs no goroutine and no timer,
// and of the two limits the first is the same on every machine.
type budget struct {
	steps    int           // left
	limit    time.Duration // of the whole evaluation
	deadline time.Time     // set at the first look at the clock
	spent    bool
}

// lookEvery is how many steps pass between two looks at the clock.
const lookEvery = 64

// Cancel spends the budget.
func (b *budget) Cancel() { b.spent = true }

// Cancelled takes one step, and reports whether that was too many.
func (b *budget) Cancelled() bool {
	if b.spent {
		return true
	}
	b.steps--
	if b.steps%lookEvery == 0 {
		now := time.Now()
		if b.deadline.IsZero() {
			b.deadline = now.Add(b.limit)
		}
		b.spent = now.After(b.deadline)
	}
	if b.steps <= 0 {
		b.spent = true
	}
	return b.spent
}
