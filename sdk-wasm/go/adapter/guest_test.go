//go:build !wasip1

package adapter

import (
	"testing"

	"github.com/modgate/modgate/sdk-wasm/go/adapter/internal/abi"
)

// silent is a host of which nothing is asked but to take an answer's status.
type silent struct{ abi.Host }

func (silent) SetStatusCode(uint32) {}

// However a request ends (abi.md: once, also in quarantine, where it failed),
// nothing that it has left stays, and its place is the next one's.
func TestRequestThatEndedKeepsNothing(t *testing.T) {
	keep := func(r *Request) {
		r.Keep("the request's")
		r.SetTag(7)
	}
	answer := func(r *Request) {
		keep(r)
		r.Answer(204)
	}
	for name, c := range map[string]struct {
		adapter Adapter
		isError uint32
		places  int
	}{
		"answered by the module":     {Adapter{OnRequest: keep, OnResponse: func(*Response) {}}, 0, 2},
		"without an answer":          {Adapter{OnRequest: keep, OnResponse: func(*Response) {}}, 1, 2},
		"answered by the adapter":    {Adapter{OnRequest: answer, OnResponse: func(*Response) {}}, 0, 0},
		"nobody looks at the answer": {Adapter{OnRequest: keep}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewGuest(c.adapter, silent{})
			for range 100 { // two at a time
				first, second := g.HandleRequest(), g.HandleRequest()
				for _, next := range []uint64{first, second} {
					if uint32(next) == abi.NextForward {
						g.HandleResponse(uint32(next>>32), c.isError)
					}
				}
			}
			if len(g.kept) != c.places || len(g.free) != c.places {
				t.Errorf("there are %d places, %d of them free: want %d", len(g.kept), len(g.free), c.places)
			}
			for _, k := range g.kept {
				if k != (kept{}) {
					t.Errorf("a place keeps %v", k)
				}
			}
			if g.begin(onRequest, 0); g.request.Kept() != nil || g.request.Tag() != 0 {
				t.Errorf("the next request finds %v, %d", g.request.Kept(), g.request.Tag())
			}
		})
	}
}
