//go:build !linux

package probe

import (
	"os/exec"
	"syscall"
)

// attributes puts a process into a group of its own. Nothing ends it with a
// gateway that is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// reap waits until the process has ended and calls dead.
func reap(cmd *exec.Cmd, dead func()) {
	_ = cmd.Wait() // says what ProcessState says
	dead()
}
