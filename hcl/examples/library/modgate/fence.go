package modgate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrStale is returned when data was last written in a higher epoch than the
// writer's: another version owns it, or the writer has not heard the news.
var ErrStale = errors.New("stale epoch: the data was written in a higher one")

// Fence keeps, beside a module's data, the highest epoch that wrote it. Its
// file lock admits one writer at a time, of all processes and goroutines, so
// that comparing the epoch and writing are one act.
type Fence struct {
	Folder string // of the data; must exist
}

// Write runs write under the lock if no higher epoch has written, and notes
// epoch first: from then on lower ones are stale.
func (f Fence) Write(epoch uint64, write func() error) (err error) {
	lock, err := f.lock()
	if err != nil {
		return fmt.Errorf("lock data: %w", err)
	}
	defer lock.Close() // unlocks
	highest, err := f.highest()
	switch {
	case err != nil:
		return fmt.Errorf("read epoch: %w", err)
	case epoch < highest:
		return fmt.Errorf("%w (%d, mine is %d)", ErrStale, highest, epoch)
	case epoch > highest:
		if err := f.note(epoch); err != nil {
			return fmt.Errorf("note epoch: %w", err)
		}
	}
	return write()
}

// lock opens the lock file anew each time: locks belong to the open file, so
// that goroutines exclude each other too.
func (f Fence) lock() (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(f.Folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (f Fence) path() string { return filepath.Join(f.Folder, "epoch") }

// highest returns the epoch that the data was last written in, 0 if never.
func (f Fence) highest() (uint64, error) {
	text, err := os.ReadFile(f.path())
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// note replaces the epoch whole: a crash leaves the old one or the new one.
func (f Fence) note(epoch uint64) error {
	next, err := os.Create(f.path() + ".next")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(next, epoch)
	if err := errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), f.path())
}

// Epoch returns the highest epoch seen.
func (in *Instance) Epoch() uint64 { return in.epoch.Load() }

// See notes an epoch that the gateway named.
func (in *Instance) See(epoch uint64) {
	for {
		old := in.epoch.Load()
		if epoch <= old || in.epoch.CompareAndSwap(old, epoch) {
			return
		}
	}
}

// Write runs write behind the fence, with the highest epoch seen. If that is
// stale it renews the lease once (U8): either the gateway names the epoch to
// retry with, or Write returns ErrFenced and nothing may be written any more.
func (in *Instance) Write(ctx context.Context, f Fence, write func() error) error {
	err := f.Write(in.Epoch(), write)
	if !errors.Is(err, ErrStale) {
		return err
	}
	if err := in.Renew(ctx); err != nil {
		return err
	}
	return f.Write(in.Epoch(), write)
}
