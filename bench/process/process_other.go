//go:build !linux

package process

import (
	"errors"
	"os"
	"syscall"
	"time"
)

var errLinux = errors.New("measured on Linux only")

func attributes() *syscall.SysProcAttr { return nil }

func killGroup(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

// CPUTime is measured on Linux only.
func (p *Process) CPUTime() (time.Duration, error) { return 0, errLinux }

// Memory is measured on Linux only.
func (p *Process) Memory() (now, peak int64, err error) { return 0, 0, errLinux }
