package route

import (
	"fmt"
	"sync"
	"testing"
)

// A writer that stands still between reading the old table and publishing the
// new one holds nobody up: nothing here has a lock.
func TestReadersGoOnWhileAWriterStandsStill(t *testing.T) { // A2
	var live Live
	m := NewModule("m")
	live.Store(&Generation{Table: mustWith(t, &Table{}, m, Entry{Path: "/a"}, Entry{Path: "/b"})})
	reached, goOn := make(chan struct{}), make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		next := live.Load().Table
		for _, e := range next.All() {
			if e.Path == "/b" {
				close(reached)
				<-goOn
			}
			var err error
			if next, err = next.With(m, []Entry{{Path: "/c"}}); err != nil {
				t.Error(err)
			}
		}
		live.Store(&Generation{Table: next})
	})
	<-reached
	for range 1000 {
		if got := answer(live.Load().Table, "GET", "/a"); got != "m /a" {
			t.Fatalf("while the writer stands still: got %q", got)
		}
	}
	close(goOn)
	writer.Wait()
	table := live.Load().Table
	if got, want := answer(table, "GET", "/a")+answer(table, "GET", "/c"), "m /c"; got != want {
		t.Errorf("after it went on: got %q, want %q", got, want)
	}
}

// Whichever table a reader has, it is whole: a module's two routes are both
// of the same round.
func TestATableIsWholeHammer(t *testing.T) {
	const rounds, modules = 300, 8
	var live Live
	owners := make([]*Module, modules)
	table := &Table{}
	change := func(m *Module, round int) {
		in := fmt.Sprint(round)
		next, err := table.With(m, []Entry{
			{Path: "/" + m.Name + "/{id}", Interface: in},
			{Path: "/" + m.Name + "/*", Interface: in},
			{Path: "/" + m.Name + "/" + in, Interface: in},
		})
		if err != nil {
			t.Error(err)
			return
		}
		table = next
	}
	for i := range owners {
		owners[i] = NewModule(fmt.Sprint("m", i))
		change(owners[i], 0)
	}
	live.Store(&Generation{Table: table})
	done := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			one, rest := []byte("/"+owners[i].Name+"/x"), []byte("/"+owners[i].Name+"/x/y")
			for {
				select {
				case <-done:
					return
				default:
				}
				now := live.Load().Table
				a, okA := now.Match([]byte("GET"), one)
				b, okB := now.Match([]byte("GET"), rest)
				if !okA || !okB || a.Interface != b.Interface {
					t.Errorf("got %+v and %+v of one table", a, b)
					return
				}
			}
		})
	}
	for round := range rounds {
		change(owners[round%modules], round)
		live.Store(&Generation{Table: table})
	}
	close(done)
	readers.Wait()
}
