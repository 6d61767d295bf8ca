package policies

import (
	"io/fs"
	"os"
	"slices"
)

// treeOf returns the files of a folder of policies, nil of none.
func treeOf(dir string) fs.FS {
	if dir == "" {
		return nil
	}
	return os.DirFS(dir)
}

// Reading is the policies of a folder, ready to be put in force by Move.
type Reading struct {
	tree     fs.FS
	snapshot *snapshot
	units    map[string]string
}

// Read reads another folder, as Options.Dir, with units, as Options.Units. The
// error is Diagnostics where anything of it is wrong: it has no last good text.
func (e *Engine) Read(dir string, units map[string]string) (*Reading, error) {
	e.reload.Lock()
	defer e.reload.Unlock()
	tree := treeOf(dir)
	s, err := e.build(tree)
	if err != nil {
		return nil, err
	}
	if wrong := append(slices.Clip(s.wrong), s.lacks(units)...); wrong != nil {
		return nil, wrong
	}
	return &Reading{tree, s, units}, nil
}

// Move puts r in force: its folder is read from now on.
func (e *Engine) Move(r *Reading) {
	e.reload.Lock()
	defer e.reload.Unlock()
	e.tree = r.tree
	e.enforce(r.snapshot, r.units)
}
