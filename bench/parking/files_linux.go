package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// raiseFiles lets this process, and what it starts, open so many files.
func raiseFiles(n int) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	if l.Cur >= uint64(n) {
		return nil
	}
	l.Cur, l.Max = uint64(n), max(l.Max, uint64(n))
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("open %d files: %w; choose fewer -requests, or raise the limit (ulimit -n)", n, err)
	}
	return nil
}
