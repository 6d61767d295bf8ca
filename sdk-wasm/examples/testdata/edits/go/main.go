// The adapter of edits_test.go: many edits, among them long ones.
package main

import (
	"strconv"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
)

func main() {}

func init() {
	adapter.Register(adapter.Adapter{
		OnRequest: func(r *adapter.Request) {
			r.Header.Set("X-Seen", r.Method()+" "+r.Target())
			r.Header.Remove("X-Gone")
			r.SetTarget("/changed")
			r.Header.Set("X-Now", r.Method()+" "+r.Target())
			for i := range 40 {
				r.Header.Add("X-Many", strconv.Itoa(i))
			}
			r.Header.Set("X-Long", strings.Repeat("long", 750))
		},
		OnResponse: func(r *adapter.Response) {
			r.Header.Set("X-Seen", r.Header.Get("X-Says"))
		},
	})
}
