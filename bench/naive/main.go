// Command naive is the least that passes for a proxy before modules: fasthttp's
// server before fasthttp's client, with the defaults of both, and a pool of
// connections for each module, which the first segment of a path names. It is
// what modgate's cost per request is compared with. It is not safe to be used:
// it forwards whatever it is sent, and knows nothing of hops, framing, callers
// or time.
package main

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"github.com/valyala/fasthttp"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: naive LISTEN UPSTREAM")
		os.Exit(2)
	}
	m := modules{upstream: os.Args[2], clients: map[string]*fasthttp.HostClient{}}
	err := fasthttp.ListenAndServe(os.Args[1], func(ctx *fasthttp.RequestCtx) {
		name, _, _ := bytes.Cut(ctx.Path()[1:], []byte("/"))
		if err := m.client(name).Do(&ctx.Request, &ctx.Response); err != nil {
			ctx.Error(err.Error(), fasthttp.StatusBadGateway)
		}
	})
	fmt.Fprintln(os.Stderr, "naive:", err)
	os.Exit(1)
}

// modules are known by asking for them.
type modules struct {
	upstream string // of all

	mu      sync.RWMutex
	clients map[string]*fasthttp.HostClient // guarded by mu
}

func (m *modules) client(name []byte) *fasthttp.HostClient {
	m.mu.RLock()
	c := m.clients[string(name)]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c = m.clients[string(name)]
	if c == nil {
		c = &fasthttp.HostClient{Addr: m.upstream}
		m.clients[string(name)] = c
	}
	return c
}
