// Command backend answers for all modules of a measurement, as cheaply as
// fasthttp can, so that the proxy before it is what is measured:
//
//	?answer=large   64 KiB of JSON
//	?answer=seen    the head of the request, as it arrived
//	anything else   1 KiB of JSON
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/valyala/fasthttp"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: backend LISTEN")
		os.Exit(2)
	}
	small, large := document(1<<10), document(64<<10)
	err := fasthttp.ListenAndServe(os.Args[1], func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType("application/json")
		switch string(ctx.URI().QueryString()) {
		case "answer=large":
			ctx.SetBody(large)
		case "answer=seen":
			ctx.SetContentType("text/plain")
			ctx.SetBody(ctx.Request.Header.Header())
		default:
			ctx.SetBody(small)
		}
	})
	fmt.Fprintln(os.Stderr, "backend:", err)
	os.Exit(1)
}

// document returns a JSON document of size bytes.
func document(size int) []byte {
	const before, after = `{"text":"`, `"}`
	filling := bytes.Repeat([]byte("x"), size-len(before)-len(after))
	return append(append([]byte(before), filling...), after...)
}
