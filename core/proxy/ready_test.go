//go:build !race

package proxy

import (
	"bufio"
	"bytes"
	"net"
	"testing"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/route"
)

// loop is a gateway before an upstream that answers with the same bytes, and
// one connection to it, all in one process.
type loop struct {
	c       net.Conn
	request []byte
	answer  []byte
}

func newLoop(tb testing.TB, headers string, change ...func(*route.State)) *loop {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ln.Close() })
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"title\":\"Em\"}")
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 { // a head's end; there is no body
						if _, err := c.Write(answer); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	g := start(tb)
	a := instance("members-1", "m", "1.0.0", "http://"+ln.Addr().String())
	st := route.State{Availability: message.Ready, Serving: version(a)}
	for _, f := range change {
		f(&st)
	}
	g.set(g.module("m"), st)
	token, _ := g.caller(a)
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	l := &loop{c: c, answer: make([]byte, 4096)}
	l.request = []byte("GET /m/items?limit=10 HTTP/1.1\r\nHost: gw.test\r\nUser-Agent: wrk\r\nAccept: */*\r\n" + headers + "\r\n")
	l.request = bytes.ReplaceAll(l.request, []byte("TOKEN"), []byte(token))
	for range 1000 {
		l.turn(tb)
	}
	return l
}

// turn sends the request and reads the answer.
func (l *loop) turn(tb testing.TB) {
	if _, err := l.c.Write(l.request); err != nil {
		tb.Fatal(err)
	}
	n, err := l.c.Read(l.answer)
	if err != nil || !bytes.HasPrefix(l.answer[:n], []byte("HTTP/1.1 200")) || !bytes.HasSuffix(l.answer[:n], []byte("Em\"}")) {
		tb.Fatalf("answer = %q, %v", l.answer[:n], err)
	}
}

const identified = "Modgate-Token: TOKEN\r\n"

func TestReadyRequestAllocatesNothing(t *testing.T) {
	// A2. What is counted is the whole process: client, server and upstream.
	for name, headers := range map[string]string{"client": "", "module": identified} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t, headers)
			if n := testing.AllocsPerRun(2000, func() { l.turn(t) }); n > 0 {
				t.Errorf("%v allocations for each request, want none", n)
			}
		})
	}
}

func BenchmarkReadyRequest(b *testing.B) {
	for name, headers := range map[string]string{"client": "", "module": identified} {
		b.Run(name, func(b *testing.B) {
			l := newLoop(b, headers)
			b.ReportAllocs()
			for b.Loop() {
				l.turn(b)
			}
		})
	}
}
