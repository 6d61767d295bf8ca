// The guest of the benchmark, written with the SDK: what that costs is the
// difference.
package main

import "github.com/modgate/modgate/sdk-wasm/go/adapter"

func main() {}

func init() {
	six := false
	adapter.Register(adapter.Adapter{
		Configure: func(c *adapter.Config) error {
			six = c.Text != ""
			return nil
		},
		OnRequest: func(r *adapter.Request) {
			r.Header.Set("x-path", r.Target())
			if !r.Header.Has("user-agent") {
				r.Header.Set("user-agent", "modgate")
			}
			r.Header.Add("x-tenant", "diku")
			if six {
				r.Header.Remove("x-internal")
			}
		},
	})
}
