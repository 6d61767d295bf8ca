package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/time/rate"

	"github.com/modgate/modgate/bench/gateway"
	"github.com/modgate/modgate/core/message"
)

// scene is a gateway, the module behind it, and the clients that wait.
type scene struct {
	options
	*gateway.Gateway

	upstream net.Listener
	server   *fasthttp.Server
	limiter  *rate.Limiter
	roots    *tls.Config

	clients []net.Conn
}

// listen starts the module's server, which takes so many requests a second.
func (s *scene) listen() (err error) {
	if s.upstream, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	s.limiter = rate.NewLimiter(rate.Limit(s.rate), max(1, s.rate/100))
	s.server = &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if err := s.limiter.Wait(context.Background()); err != nil {
			ctx.SetStatusCode(fasthttp.StatusInternalServerError)
			return
		}
		ctx.SetBodyString("book")
	}}
	go s.server.Serve(s.upstream) //nolint:errcheck // it ends by Shutdown
	return nil
}

func (s *scene) close() {
	for _, c := range s.clients {
		c.Close() //nolint:errcheck // the process ends
	}
	s.server.Shutdown() //nolint:errcheck // the process ends
}

const request = "GET /books/1 HTTP/1.1\r\nHost: library.example\r\nUser-Agent: parking\r\nAccept: application/json\r\n\r\n"

// connect opens a connection and sends a request.
func (s *scene) connect(ctx context.Context) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Data)
	if err != nil {
		return nil, err
	}
	if s.tls {
		c = tls.Client(c, s.roots)
	}
	_, err = io.WriteString(c, request)
	return c, err
}

// warm opens what is opened once.
func (s *scene) warm(ctx context.Context, _ message.Registered) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	if err := s.await(ctx, 1); err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	return s.await(ctx, 0)
}

// await waits until so many are parked.
func (s *scene) await(ctx context.Context, want int) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		n, err := s.Parked(ctx, "books")
		if err != nil || n == want {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d requests are parked, want %d", n, want)
		}
	}
}

// park opens all connections, some at a time, and waits until all requests
// are parked.
func (s *scene) park(ctx context.Context) error {
	s.clients = make([]net.Conn, s.requests)
	errs := make([]error, 16)
	var openers sync.WaitGroup
	for n := range errs {
		openers.Go(func() {
			for i := n; i < s.requests && errs[n] == nil; i += len(errs) {
				s.clients[i], errs[n] = s.connect(ctx)
			}
		})
	}
	openers.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.await(ctx, s.requests)
}

// leave lets clients go, one after the other, and returns how long each place
// was taken still, as the control API tells it: what a call takes is in it.
func (s *scene) leave(ctx context.Context) ([]time.Duration, error) {
	var took []time.Duration
	left := s.requests
	for i := range s.leaves {
		begun := time.Now()
		if err := s.clients[i].Close(); err != nil {
			return nil, err
		}
		left--
		for {
			n, err := s.Parked(ctx, "books")
			if err != nil {
				return nil, err
			}
			if n == left {
				break
			}
			if time.Since(begun) > 5*time.Second {
				return nil, fmt.Errorf("%d requests are parked after a client left, want %d", n, left)
			}
		}
		took = append(took, time.Since(begun))
	}
	s.clients = s.clients[s.leaves:]
	return took, nil
}

// resume lets the module serve, and returns how long it took until the last
// request was answered. All must be answered by the module.
func (s *scene) resume(ctx context.Context, as message.Registered) (time.Duration, error) {
	errs := make([]error, len(s.clients))
	var readers sync.WaitGroup
	for i, c := range s.clients {
		readers.Go(func() { errs[i] = answered(c) })
	}
	begun := time.Now()
	if err := s.Resume(ctx, as); err != nil {
		return 0, err
	}
	readers.Wait()
	took := time.Since(begun)
	failed := 0
	var first error
	for _, err := range errs {
		if err != nil {
			failed++
			first = err
		}
	}
	if failed > 0 {
		return took, fmt.Errorf("%d of %d requests failed, such as: %w", failed, len(errs), first)
	}
	return took, nil
}

// answered reads an answer, which must be the module's.
func answered(c net.Conn) error {
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 1<<10), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || string(text) != "book" {
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return nil
}
