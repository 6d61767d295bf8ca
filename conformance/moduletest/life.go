package moduletest

import (
	"fmt"
	"time"
)

// goesOn says that the module renews and is alive.
func (t *trial) goesOn() error {
	t.mu.Lock()
	before := len(t.renewals)
	t.mu.Unlock()
	return t.until("renewed afterwards", func() bool { return len(t.renewals) > before })
}

func hears(t *trial) error {
	t.mu.Lock()
	r := t.registrations[len(t.registrations)-1]
	t.mu.Unlock()
	subjects := []string{"nothing-it-requires"} // which it must not stumble over
	for _, q := range r.Requires {
		subjects = append(subjects, q.ID)
	}
	id := 2
	for _, subject := range subjects {
		for kind, data := range map[string]string{"delay": `,"reason":"updating","ttl":"5s"`, "missing": `,"reason":"expired"`, "resume": `,"found":"1.0.0"`} {
			if err := t.tell(kind, subject, subject, id, data); err != nil {
				return err
			}
			id++
		}
	}
	for _, subject := range subjects { // it ends well
		if err := t.tell("resume", subject, subject, id, `,"found":"1.0.0"`); err != nil {
			return err
		}
		id++
	}
	return t.goesOn()
}

// outlives ends the gateway and starts it again.
func outlives(t *trial) error {
	t.mu.Lock()
	streams, registered := t.streams, len(t.registrations)
	t.mu.Unlock()
	t.goDown()
	time.Sleep(2 * time.Second) // so long a gateway takes to come back
	if err := t.comeUp(); err != nil {
		return err
	}
	if err := t.goesOn(); err != nil {
		return err
	}
	if err := t.until("opened its stream again", func() bool { return t.streams > streams }); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.registrations) > registered {
		return fmt.Errorf("it registered anew, which made its token void: tokens survive a restart")
	}
	return nil
}

// comesBack tells the module at its renewal that it is out.
func comesBack(t *trial) error {
	t.mu.Lock()
	before := len(t.said("resume"))
	t.phase = "out"
	t.mu.Unlock()
	return t.until("announced RESUME again", func() bool { return len(t.said("resume")) > before })
}

// leaves asks the process to end, and holds the answer to its DISCONNECT.
func leaves(t *trial) error {
	t.mu.Lock()
	t.holdLeave = true
	t.mu.Unlock()
	if err := t.process.Terminate(); err != nil {
		return err
	}
	if err := t.until("announced DISCONNECT", func() bool { return len(t.said("disconnect")) > 0 }); err != nil {
		t.release()
		return err
	}
	if t.Path != "" {
		if _, err := t.ask("v1.cnVu.bWFj"); err != nil {
			t.release()
			return fmt.Errorf("it does not serve until its DISCONNECT is answered: %w", err)
		}
	}
	select {
	case <-t.process.Ended():
		t.release()
		return fmt.Errorf("it exited before its DISCONNECT was answered")
	case <-time.After(500 * time.Millisecond):
	}
	t.release()
	return t.process.Exit(t.Limit)
}

func (t *trial) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holdLeave = false
}

// keepsItsID starts the process again.
func keepsItsID(t *trial) error {
	t.process.Kill()
	t.mu.Lock()
	before := len(t.registrations)
	t.mu.Unlock()
	if err := t.start(); err != nil {
		return err
	}
	if err := t.until("registered again", func() bool { return len(t.registrations) > before }); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if first, second := t.registrations[0].Instance, t.registrations[before].Instance; first != second {
		return fmt.Errorf("it was %s, and is %s after a restart: a grant could not be inherited (U10)", first, second)
	}
	return nil
}

func raisesSeq(t *trial) error {
	t.mu.Lock()
	before := len(t.said("resume"))
	t.mu.Unlock()
	if before < 3 { // of the first life two, unless the second has announced already
		if err := t.until("announced RESUME in its second life", func() bool { return t.phase == "serving" }); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var last announcement
	for _, a := range t.announcements {
		if a.Seq < last.Seq || a.Seq == last.Seq && a.Type != last.Type {
			return fmt.Errorf("%s has seq %d, after %s with %d", a.Type, a.Seq, last.Type, last.Seq)
		}
		last = a
	}
	return nil
}

// stops fences the module.
func stops(t *trial) error {
	if err := t.until("announced RESUME in its second life", func() bool { return t.phase == "serving" }); err != nil {
		return err
	}
	t.mu.Lock()
	r := t.registrations[len(t.registrations)-1]
	streams := t.streams
	t.fenced = true
	t.mu.Unlock()
	if streams > 0 {
		// Best effort: a module that hears nothing learns it at its renewal.
		_ = t.tell("missing", r.Instance, r.Module, 1000, `,"reason":"fenced"`)
	}
	return t.process.Exit(t.Limit)
}

func sendsNothingWrong(t *trial) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.wrong) > 0 {
		return fmt.Errorf("%s (and %d more)", t.wrong[0], len(t.wrong)-1)
	}
	return nil
}
