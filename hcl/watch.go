package hcl

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Watch looks at the files every so often, until ctx ends, and calls changed
// once one was written, came or went and none has changed since the look
// before: an editor or a deployment may need several steps. Files are those of
// the last Load, those that file() read included, and those that stand in the
// folders by now. changed is expected to Load.
func (in *Input) Watch(ctx context.Context, every time.Duration, changed func()) {
	loaded := in.look()
	last := loaded
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := in.look()
		if now == last && now != loaded {
			changed()
			now = in.look() // other files may count by now
			loaded = now
		}
		last = now
	}
}

// look returns what tells one state of the files from another.
func (in *Input) look() string {
	in.mu.Lock()
	names := maps.Clone(in.read)
	in.mu.Unlock()
	if names == nil {
		names = map[string]bool{}
	}
	for _, p := range in.Paths {
		files, _ := filesOf(p) // one that cannot be listed looks empty
		for _, f := range files {
			names[f] = true
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(names)) {
		info, err := os.Stat(name)
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", name, cause(err))
			continue
		}
		fmt.Fprintf(&b, "%s: %d %d\n", name, info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}
