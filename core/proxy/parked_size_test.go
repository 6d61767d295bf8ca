//go:build !race

package proxy

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/modgate/modgate/core/fallback"
	"github.com/modgate/modgate/core/message"
)

// TestParkedRequestHoldsLittle counts what bench/parking measures: the stack of
// a parked request, which doubles when a frame on the way there grows, and its
// memory with that of both ends of the connection.
func TestParkedRequestHoldsLittle(t *testing.T) {
	const n = 800
	g := start(t)
	m := g.module("books")
	st := *g.away(m, message.ReasonLost, time.Minute)
	st.Plan = fallback.Always{}
	m.SetState(&st)
	parked := func(want int) (used runtime.MemStats) {
		for held, _ := g.room.Total(); held < want; held++ {
			c, err := net.Dial("tcp", g.address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			if _, err := io.WriteString(c, "GET /books/1 HTTP/1.1\r\nHost: library.test\r\nUser-Agent: parking\r\nAccept: */*\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "all are parked", func() bool { held, _ := g.room.Total(); return held == want })
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&used)
		return used
	}
	before := parked(10)
	after := parked(10 + n)
	stack := (int64(after.StackInuse) - int64(before.StackInuse)) / n
	heap := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
	t.Logf("a parked request has %d bytes of stack, %d of memory", stack, heap)
	if stack > 6<<10 || heap > 9<<10 {
		t.Errorf("a parked request has %d bytes of stack and %d of memory, want at most 6 and 9 KiB", stack, heap)
	}
}
