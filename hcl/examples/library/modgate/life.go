// Package modgate is what a module needs to live behind a gateway that
// speaks modgate's protocol: it registers, renews, announces, hears notices,
// calls other modules and fences its writes. It uses the standard library
// only and imports nothing of the gateway: copy it.
//
// It decides when to repeat, to go on and to stop. It never decides what a
// module answers its users while another is away.
package modgate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Life says what is particular about a module; Run does what all have in
// common.
type Life struct {
	Registration Registration

	// Update is for data that one process alone may have open: Open is called
	// when the gateway has granted it.
	Update bool

	// Open opens the module's data, having restructured it where an older
	// version wrote it, and returns what serves requests. ctx ends when the
	// process must stop.
	Open func(ctx context.Context, in *Instance) (http.Handler, error)

	// Beside runs beside the module until ctx ends; nil: nothing does.
	Beside func(ctx context.Context, in *Instance)
}

// Main runs l as a whole program. The process exits with 0 when it was asked
// to stop, or was fenced, and with 1 when something went wrong.
func (l Life) Main() {
	log := slog.With("module", l.Registration.Module, "version", l.Registration.Version)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	e, err := ReadEnvironment()
	if err == nil {
		err = l.Run(ctx, e, log)
	}
	if err != nil {
		log.Error("stopped", "err", err)
		stop()
		os.Exit(1)
	}
}

// Run lives until ctx ends, which leads to DISCONNECT, or until the process
// is fenced, which is no error.
func (l Life) Run(ctx context.Context, e Environment, log *slog.Logger) error {
	ln, err := e.listen()
	if err != nil {
		return err
	}
	defer ln.Close()
	l.Registration.Upstream = "http://" + ln.Addr().String()
	in, err := Register(ctx, e, l.Registration, log)
	if err != nil {
		return err
	}
	log.Info("registered", "instance", in.ID, "upstream", l.Registration.Upstream, "epoch", in.Epoch())

	// The lease and the notices go on while the process takes leave.
	work, cease := context.WithCancelCause(ctx)
	lease, quit := context.WithCancel(context.WithoutCancel(ctx))
	var server http.Server
	var beside sync.WaitGroup
	defer beside.Wait()
	defer server.Close()
	defer quit()
	defer cease(nil)
	beside.Go(func() {
		if err := in.KeepLease(lease); err != nil {
			cease(err)
		}
	})
	beside.Go(func() { in.Listen(lease) })
	beside.Go(func() {
		select {
		case <-in.Fenced():
			cease(ErrFenced)
		case <-lease.Done():
		}
	})
	if l.Beside != nil {
		beside.Go(func() { l.Beside(work, in) })
	}

	server.Handler, err = l.open(work, in)
	if err == nil {
		beside.Go(func() {
			if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				cease(fmt.Errorf("serve: %w", err))
			}
		})
		err = in.Resume(work)
	}
	if err != nil && work.Err() == nil && !errors.Is(err, ErrFenced) {
		// No DISCONNECT: a process that comes back under this instance id
		// inherits the grant and begins the restructuring anew (U10).
		return err
	}
	if err == nil {
		log.Info("serves", "epoch", in.Epoch())
		<-work.Done()
	}
	return in.leave(ctx, context.Cause(work), &server)
}

// open gets the module's data, for itself alone if it asked for that, and
// returns what serves.
func (l Life) open(ctx context.Context, in *Instance) (http.Handler, error) {
	if l.Update {
		if err := in.Update(ctx); err != nil {
			return nil, err
		}
		in.log.Info("UPDATE granted", "epoch", in.Epoch())
	}
	h, err := l.Open(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("open data: %w", err)
	}
	return in.Handler(h), nil
}

// farewell bounds how long leaving may take: the grace of the runs in flight.
const farewell = 45 * time.Second

// leave stops the server when the runs in flight are done. A process that was
// asked to stop, which is when ctx ends, says DISCONNECT first, and its answer
// means just that (L1). One that was fenced has nothing to say. Another cause
// is returned.
func (in *Instance) leave(ctx context.Context, cause error, server *http.Server) error {
	asked := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	select {
	case <-in.Fenced():
		in.log.Info("fenced: nothing is written any more")
		return server.Shutdown(ctx)
	default:
	}
	if !asked {
		return cause
	}
	if err := in.Disconnect(ctx); err != nil && !errors.Is(err, ErrFenced) {
		return err
	}
	in.log.Info("disconnected")
	return server.Shutdown(ctx)
}
