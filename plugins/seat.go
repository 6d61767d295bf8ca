package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/module"
)

// stamp tells one state of a file from another.
type stamp struct {
	size, inode int64
	time        time.Time
}

type seatKey struct {
	name     string
	settings config.Plugin
}

// seat is a plugin of one file with one set of settings.
type seat struct {
	key     seatKey
	plugin  *Plugin // nil: none was right yet
	tried   stamp   // that was read last
	refused error   // why it is not in force
	modules []string
	named   bool // by a module's block
	idle    bool // no module has a block, and so it no settings: one may come that registers under its name
}

// load puts the seat's file in force, or says why not.
func (f *Folder) load(s *seat) {
	code, err := read(filepath.Join(f.o.Dir, s.key.name+suffix))
	ctx := context.Background()
	switch {
	case err != nil:
	case s.plugin != nil:
		err = s.plugin.Replace(ctx, code)
	default:
		s.plugin, err = Load(ctx, code, Options{
			Name: s.key.name, Plugin: s.key.settings, Version: f.o.Version, Cache: f.o.Cache, Log: f.o.Log,
			Fault: f.o.Fault, Mended: f.o.Mended,
		})
	}
	if err != nil {
		f.refuse(s, err)
		return
	}
	v := s.plugin.View()
	f.o.Log.Info("adapter in force", "adapter", s.key.name, "modules", s.modules, "generation", v.Generation, "sha256", v.SHA256, "hooks", v.Hooks, "took", v.LoadSeconds)
	f.accept(s)
}

// accept notes that nothing is wrong with the seat's file, if there is one.
func (f *Folder) accept(s *seat) {
	if s.refused != nil {
		s.refused = nil
		f.o.Accepted(s.key.name)
	}
}

// refuse notes why the seat's file is not in force.
func (f *Folder) refuse(s *seat, why error) {
	if s.refused != nil && s.refused.Error() == why.Error() {
		return
	}
	s.refused = why
	if s.waits() {
		f.o.Log.Info("adapter waits for a module whose block has its settings", "adapter", s.key.name)
		return
	}
	f.o.Log.Error("adapter not in force", "adapter", s.key.name, "modules", s.modules, "cause", why, "former_stays", s.plugin != nil)
	f.o.Refused(s.key.name, why)
}

// waits reports whether the file is refused only for want of settings, which
// nobody has given it.
func (s *seat) waits() bool { return s.idle && errors.Is(s.refused, errConfiguration) }

// read returns the contents of a file that is not too large.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	code, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return code, nil
}

func (f *Folder) end(s *seat) {
	if p := s.plugin; p != nil {
		s.plugin = nil
		f.closing.Go(p.Close)
	}
}

// list returns the guests' files in dir.
func list(dir string) (map[string]stamp, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	files := map[string]stamp{}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || module.CheckName(name) != nil {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, e.Name())) // of what a link leads to
		if err == nil && info.Mode().IsRegular() {
			files[name] = stamp{size: info.Size(), inode: inode(info), time: info.ModTime()}
		}
	}
	return files, nil
}
