//go:build linux && !race

package policies

import (
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// cost returns the nanoseconds of processor time that one call of f takes.
func cost(n int, f func()) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := clock(threadClock)
	for range n {
		f()
	}
	return float64(clock(threadClock)-before) / float64(n)
}

func processTime() time.Duration { return clock(processClock) }

const (
	processClock = 2 // CLOCK_PROCESS_CPUTIME_ID
	threadClock  = 3 // CLOCK_THREAD_CPUTIME_ID; getrusage knows that to the tick only
)

func clock(id uintptr) time.Duration {
	var ts syscall.Timespec
	if _, _, e := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&ts)), 0); e != 0 {
		panic(e)
	}
	return time.Duration(ts.Nano())
}

// processor names the machine's.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // without it there is no name
	_, name, _ := strings.Cut(string(text), "model name")
	name, _, _ = strings.Cut(strings.TrimLeft(name, "\t :"), "\n")
	return name
}
