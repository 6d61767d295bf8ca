package policies

import (
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/modgate/modgate/core/fallback"
)

// crowd is a folder with a policy for each of n modules, which says which text
// of it decided.
func crowd(n int) *versioned {
	v := &versioned{texts: fstest.MapFS{}}
	for i := range n {
		v.write(i, 1)
	}
	return v
}

// versioned is a folder that changes while it is read.
type versioned struct {
	mu    sync.Mutex
	texts fstest.MapFS // guarded by mu; a file that is there never changes
}

// Open is part of fs.FS.
func (v *versioned) Open(name string) (fs.File, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.texts.Open(name)
}

// write makes text the one of module i.
func (v *versioned) write(i, text int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.texts[fmt.Sprintf("modules/m%d/a.rego", i)] = &fstest.MapFile{Data: []byte(fmt.Sprintf(`package modgate.modules.m%d

import data.modgate.lib

request := {"action": "delay", "wait_s": %d, "rule": input.request.tenant} if {
	lib.safe(input.request.method)
	data.modgate.base.request.mode == "park"
}
`, i, text))}
}

func (v *versioned) options(t *testing.T) Options {
	return Options{tree: v, Report: func(f Fault) { t.Errorf("fault: %v", f) }}
}

// TestReloadCompilesWhatChanged: of all units the few that share a shard with
// it.
func TestReloadCompilesWhatChanged(t *testing.T) {
	v := crowd(40)
	e, err := Open(v.options(t))
	if err != nil {
		t.Fatal(err)
	}
	before := e.current.Load()
	v.write(7, 2)
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	after := e.current.Load()
	for i, n := range after.shards {
		if same, want := n == before.shards[i], i != shardOf("modules/m7"); same != want {
			t.Errorf("shard %d: got the same %v, want %v", i, same, want)
		}
	}
	if len(after.shards) < 20 {
		t.Errorf("got %d shards", len(after.shards))
	}
	for name, a := range after.askers {
		if a.unit != name {
			t.Errorf("%s is asked as %s", name, a.unit)
		}
	}
	if len(after.askers) != 41 {
		t.Errorf("got %d units that can be asked, want 41", len(after.askers))
	}
}

// TestReloadAmongManyFailsNoDecision: while one policy of many is changed again
// and again, every module is asked. Nobody gets an answer that is neither the
// text's before nor the text's after, nor an older one than before, and others'
// answers never change.
func TestReloadAmongManyFailsNoDecision(t *testing.T) {
	const modules, changed, texts = 40, 5, 15
	v := crowd(modules)
	e, err := Open(v.options(t))
	if err != nil {
		t.Fatal(err)
	}
	var newest atomic.Int64
	newest.Store(1)
	var stop atomic.Bool
	var wg sync.WaitGroup
	var asked atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			seen := 1
			for n := i; !stop.Load(); n++ {
				m := n % modules
				if n%3 == 0 {
					m = changed
				}
				q := delayed(fallback.Request, fmt.Sprintf("m%d", m))
				q.HTTP.Method, q.HTTP.Tenant = "GET", fmt.Sprint("t", n%5)
				q.Target.Losses = n / 500 % 2
				d := e.Request(&q)
				text := int(d.Wait / time.Second)
				least, most := 1, 1
				if m == changed {
					least, most = seen, int(newest.Load())
					seen = text
				}
				if d.By != fmt.Sprintf("modules/m%d: %s", m, q.HTTP.Tenant) || text < least || text > most {
					t.Errorf("m%d: got %+v, want text %d to %d", m, d, least, most)
					return
				}
				asked.Add(1)
			}
		})
	}
	for text := 2; text <= texts; text++ {
		newest.Store(int64(text))
		v.write(changed, text)
		if err := e.Reload(); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	if got := e.Counts(); got.Spared > 0 || asked.Load() < texts {
		t.Errorf("%d decisions, counted %+v", asked.Load(), got)
	}
}
