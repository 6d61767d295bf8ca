// Command naive is the least that passes for a proxy: fasthttp's server before
// fasthttp's client, with the defaults of both. It is what modgate's cost per
// request is compared with. It is not safe to be used: it forwards whatever it
// is sent, and knows nothing of hops, framing, callers, modules or time.
package main

import (
	"fmt"
	"os"

	"github.com/valyala/fasthttp"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: naive LISTEN UPSTREAM")
		os.Exit(2)
	}
	upstream := fasthttp.HostClient{Addr: os.Args[2]}
	err := fasthttp.ListenAndServe(os.Args[1], func(ctx *fasthttp.RequestCtx) {
		if err := upstream.Do(&ctx.Request, &ctx.Response); err != nil {
			ctx.Error(err.Error(), fasthttp.StatusBadGateway)
		}
	})
	fmt.Fprintln(os.Stderr, "naive:", err)
	os.Exit(1)
}
