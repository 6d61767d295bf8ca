//go:build !race

package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
)

// TestIdleConnectionsHoldNoBuffer counts the buffers for heads: a connection
// that waits for its next request has given its own back.
func TestIdleConnectionsHoldNoBuffer(t *testing.T) {
	g := prepare(t)
	made := new(atomic.Int64)
	g.proxy.heads.New = func() any {
		made.Add(1)
		b := make([]byte, 0, g.proxy.terms.Load().Head)
		return &b
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.serve(ln)
	const connections = 200
	for range connections {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r := bufio.NewReader(c)
		for range 2 { // of which the second finds the connection idle
			if _, err := io.WriteString(c, "GET /nobody HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 404 {
				t.Fatalf("status %d, %v", resp.StatusCode, err)
			}
		}
	}
	// The pool forgets some now and then (all of them, under the race detector).
	if n := made.Load(); n > connections/4 || n == 0 {
		t.Errorf("%d buffers were made for %d idle connections", n, connections)
	}
}
