package probe

import (
	"errors"
	"os/exec"
	"syscall"
)

// attributes puts a process into a group of its own, and has the kernel kill
// it when the thread that starts it ends (prctl(2), PR_SET_PDEATHSIG).
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// byPID is P_PID of waitid(2).
const byPID = 1

// reap waits until the process has ended, calls dead while its id is still
// taken, and gives the id back.
func reap(cmd *exec.Cmd, dead func()) {
	for {
		_, _, err := syscall.Syscall6(syscall.SYS_WAITID, byPID, uintptr(cmd.Process.Pid), 0, syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	dead()
	_ = cmd.Wait() // says what ProcessState says
}
