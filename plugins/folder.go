package plugins

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modgate/modgate/core/adapter"
	"github.com/modgate/modgate/core/config"
)

// suffix is that of a guest's file. Other files are none of the folder's:
// write under another name, and rename.
const suffix = ".wasm"

// errNoFile is why a module whose adapter is named goes without one.
var errNoFile = errors.New("there is no such file")

// errConfiguration is why an adapter that cannot do without settings, or not
// with these, is not in force.
var errConfiguration = errors.New("it refuses its configuration")

// FolderOptions say what a Folder works with.
type FolderOptions struct {
	Dir     string         // of the guests' files; need not be there; empty: there are none
	Cache   *Cache         // nil: every start compiles anew
	Slots   *adapter.Slots // where modules find their adapters; required
	Version string         // of the gateway, for guests
	Log     *slog.Logger
	Every   time.Duration // from one look at the folder to the next; 0: 1 s

	Fault    func(adapter.Fault)          // told of each; nil: nobody
	Mended   func(name string)            // told when an adapter is out of quarantine; nil: nobody
	Refused  func(name string, why error) // told that a file is not put in force; nil: nobody
	Accepted func(name string)            // told that one is, after Refused; nil: nobody
}

// Folder keeps the adapters of all modules as their files and the
// configuration say. Modules whose adapters have one file and one set of
// settings share a Plugin. OpenFolder makes one.
//
// A module's adapter is the file that its block names, or the one of its own
// name. Where a file that is named is missing, or was never right, the
// module's requests are answered 503: they are not sent on unadapted.
type Folder struct {
	o FolderOptions

	mu      sync.Mutex // held during a look
	modules []config.Module
	files   map[string]stamp // at the last look, by name without suffix
	seats   map[seatKey]*seat
	serving map[string]*seat // by module

	stop     context.CancelFunc
	watching sync.WaitGroup
	closing  sync.WaitGroup // of plugins that end what they began
}

// OpenFolder puts every adapter in force that is there and right, and follows
// the folder until Close. What is not right is told to Refused.
func OpenFolder(o FolderOptions, modules []config.Module) *Folder {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Refused == nil {
		o.Refused = func(string, error) {}
	}
	if o.Accepted == nil {
		o.Accepted = func(string) {}
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &Folder{o: o, files: map[string]stamp{}, seats: map[seatKey]*seat{}, serving: map[string]*seat{}, stop: stop}
	f.Configure(o.Dir, modules)
	f.watching.Go(func() { f.watch(ctx) })
	return f
}

// Configure puts in force what modules' blocks say, after a look at dir, as
// FolderOptions.Dir. It returns when that is done. Where a file of another
// folder is wrong, the last good one of its name stays in force.
func (f *Folder) Configure(dir string, modules []config.Module) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.o.Dir, f.modules = dir, modules
	f.look(true)
}

// CheckFolder says why dir, as FolderOptions.Dir, cannot be read, or nil.
func CheckFolder(dir string) error {
	_, err := list(dir)
	return err
}

func (f *Folder) watch(ctx context.Context) {
	tick := time.NewTicker(f.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.mu.Lock()
			f.look(false)
			f.mu.Unlock()
		}
	}
}

// Close empties the slots and ends every plugin when its requests have ended.
func (f *Folder) Close() {
	f.stop()
	f.watching.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for m := range f.serving {
		f.o.Slots.Of(m).Store(nil)
	}
	f.serving = map[string]*seat{}
	f.seats, f.modules = f.emptied(), nil
	f.closing.Wait()
}

// emptied ends all plugins.
func (f *Folder) emptied() map[seatKey]*seat {
	for _, s := range f.seats {
		f.end(s)
	}
	return map[seatKey]*seat{}
}

// look brings plugins and slots in line with the folder. A file that has
// changed since the last look is still being written, unless at once is set.
// The caller holds mu.
func (f *Folder) look(atOnce bool) {
	files, err := list(f.o.Dir)
	if err != nil {
		f.o.Log.Warn("look at the plugin folder", "cause", err)
		return // what is in force stays
	}
	wanted := f.wanted(files)
	for key, s := range wanted {
		old := f.seats[key]
		if old != nil {
			if old.idle && !s.idle { // what is wrong with it matters now
				old.refused, old.tried = nil, stamp{}
			}
			old.modules, old.named, old.idle = s.modules, s.named, s.idle
			s = old
		}
		f.seats[key] = s
		now, there := files[key.name]
		switch {
		case !there:
			f.end(s)
			s.tried = stamp{}
			if s.named {
				f.refuse(s, errNoFile)
			} else {
				f.accept(s)
			}
		case now != s.tried && (atOnce || now == f.files[key.name]):
			s.tried = now
			f.load(s)
		}
	}
	f.files = files
	f.assign(wanted)
}

// wanted returns the seats that there should be: of modules with a block, and
// of modules that have none and a file of their name.
func (f *Folder) wanted(files map[string]stamp) map[seatKey]*seat {
	seats := map[seatKey]*seat{}
	taken := map[string]bool{} // names of files
	want := func(m *config.Module, name string, named bool) *seat {
		key := seatKey{name, m.Plugin}
		s := seats[key]
		if s == nil {
			s = &seat{key: key}
			seats[key] = s
		}
		s.modules, s.named, taken[name] = append(s.modules, m.Name), s.named || named, true
		return s
	}
	configured := map[string]bool{}
	for i := range f.modules {
		m := &f.modules[i]
		configured[m.Name] = true
		if _, own := files[m.Name]; m.Adapter != "" {
			want(m, m.Adapter, true)
		} else if own || f.serves(m.Name, m.Name) {
			want(m, m.Name, false)
		}
	}
	for name := range files {
		if !taken[name] && !configured[name] {
			m := config.DefaultModule(name, config.Defaults{})
			want(&m, name, false).idle = true
		}
	}
	return seats
}

// serves reports whether the module has the adapter of that name now.
func (f *Folder) serves(module, name string) bool {
	s := f.serving[module]
	return s != nil && s.key.name == name
}

// assign puts what is wanted into the slots, and ends what nobody needs. A
// module whose new seat has nothing right in it keeps what it has.
func (f *Folder) assign(wanted map[seatKey]*seat) {
	next := map[string]*seat{}
	for key := range wanted {
		s := f.seats[key]
		for _, m := range s.modules {
			next[m] = s
			before := f.serving[m]
			switch {
			case s.plugin != nil:
				f.o.Slots.Of(m).Store(s.plugin)
			case before != nil && before != s && before.plugin != nil && !errors.Is(s.refused, errNoFile):
				next[m] = before
			case s.named || s.refused != nil && !errors.Is(s.refused, errNoFile):
				f.o.Slots.Of(m).Store(missing{s.key.settings.OnError})
			default:
				f.o.Slots.Of(m).Store(nil)
				delete(next, m)
			}
		}
	}
	for m := range f.serving {
		if next[m] == nil {
			f.o.Slots.Of(m).Store(nil)
		}
	}
	f.serving = next
	for key, s := range f.seats {
		if wanted[key] != nil {
			continue
		}
		used := false
		for _, serving := range next {
			used = used || serving == s
		}
		if !used {
			f.accept(s) // nobody wants it
			f.end(s)
			delete(f.seats, key)
		}
	}
}

// Views returns what the administrator sees of all adapters, by name.
func (f *Folder) Views() []adapter.View {
	f.mu.Lock()
	defer f.mu.Unlock()
	views := []adapter.View{}
	for key, s := range f.seats {
		v := adapter.View{Adapter: key.name, State: adapter.Absent}
		if s.plugin != nil {
			v = s.plugin.View()
		}
		if s.refused != nil {
			v.Refused = s.refused.Error()
			if s.waits() {
				v.Refused = "it waits for a module whose block has its settings"
			}
			if s.plugin == nil && !errors.Is(s.refused, errNoFile) {
				v.State = adapter.Refused
			}
		}
		v.Modules = slices.Sorted(slices.Values(s.modules))
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b adapter.View) int {
		return strings.Compare(a.Adapter+"\x00"+strings.Join(a.Modules, " "), b.Adapter+"\x00"+strings.Join(b.Modules, " "))
	})
	return views
}
