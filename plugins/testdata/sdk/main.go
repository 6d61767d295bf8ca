// The guest of the benchmark, written with the SDK: what that costs is the
// difference.
package main

import "github.com/modgate/modgate/sdk-wasm/go/adapter"

func main() {}

func init() {
	adapter.Register(adapter.Adapter{OnRequest: func(r *adapter.Request) {
		r.Header.Set("x-path", r.Target())
		if !r.Header.Has("user-agent") {
			r.Header.Set("user-agent", "modgate")
		}
		r.Header.Add("x-tenant", "diku")
	}})
}
