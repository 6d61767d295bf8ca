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

// Fence keeps, beside a module's data, the highest epoch that wrote it. It
// admits one writer at a time, of all goroutines and processes, so that
// comparing the epoch and writing are one act.
type Fence struct {
	folder string
	lock   chan *os.File // holds the lock file; who writes takes it out
}

// NewFence puts a fence around folder, which it makes if it is missing.
func NewFence(folder string) (*Fence, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	f := &Fence{folder: folder, lock: make(chan *os.File, 1)}
	f.lock <- file
	return f, nil
}

// Write runs write if no higher epoch has written, and notes epoch first:
// from then on lower ones are stale.
func (f *Fence) Write(epoch uint64, write func() error) error {
	file := <-f.lock
	defer func() { f.lock <- file }()
	// Other processes wait here.
	if err := flock(file, syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock data: %w", err)
	}
	defer func() { _ = flock(file, syscall.LOCK_UN) }() // cannot fail on a file that is locked
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

func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func (f *Fence) path() string { return filepath.Join(f.folder, "epoch") }

// highest returns the epoch that the data was last written in, 0 if never.
func (f *Fence) highest() (uint64, error) {
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
func (f *Fence) note(epoch uint64) error {
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
func (in *Instance) Write(ctx context.Context, f *Fence, write func() error) error {
	err := f.Write(in.Epoch(), write)
	if !errors.Is(err, ErrStale) {
		return err
	}
	if err := in.Renew(ctx); err != nil {
		return err
	}
	return f.Write(in.Epoch(), write)
}
