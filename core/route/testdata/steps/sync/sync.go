// Package sync stands in for Go's: to lock is a step, and so is to unlock.
package sync

import "steps/schedule"

type Mutex struct{ Held bool }

func (m *Mutex) Lock() {
	schedule.Step("lock", func() bool { return !m.Held })
	m.Held = true
}

func (m *Mutex) Unlock() {
	schedule.Step("unlock", nil)
	m.Held = false
}
