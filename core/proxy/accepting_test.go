package proxy

import (
	"net"
	"sync"
	"testing"
)

// accepting returns the URL where each connection is served by serve, on a
// goroutine of its own, until the test ends: then it waits for all of them.
func accepting(t testing.TB, serve func(net.Conn)) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); all.Wait() })
	return "http://" + ln.Addr().String()
}
