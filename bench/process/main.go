package process

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// Out adds the flag -out, the folder of the binaries and of what is written.
func Out(folder *string) {
	flag.StringVar(folder, "out", filepath.Join(".build", "bench"), "folder of the binaries, their logs and the result")
}

// Main is the main of a program that measures: it parses its flags, which are
// all that it takes, has them validated, and measures until it is interrupted.
// It exits with 2 if the flags are wrong, with 1 if it could not be measured.
// Programs that measure start must start on the goroutine that called it.
func Main(name string, validate func() error, measure func(context.Context) error) {
	flag.Parse()
	err := validate()
	if err == nil && flag.NArg() > 0 {
		err = errors.New("want no arguments, only flags; see -help")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	// Children are told to die with the thread that started them (Pdeathsig),
	// so one that lasts must start them all.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = measure(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
