// Rewrite is an adapter that changes paths and header fields between clients
// and a module as its configuration says: it strips and adds a prefix of the
// path, and sets, adds, removes and renames fields, both ways.
//
// It decides nothing that is not written there, and refuses what could not
// have an effect, or two. Its module is told nothing of the lifecycle.
package main

import (
	"net/url"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
)

func main() {}

func init() {
	var s settings
	adapter.Register(rewrite(&s))
}

// rewrite is the adapter; its settings are read into s when it is configured.
func rewrite(s *settings) adapter.Adapter {
	return adapter.Adapter{
		Configure:  func(c *adapter.Config) error { return s.read(c.Text) },
		OnRequest:  s.request,
		OnResponse: s.response,
		// Who needs its paths rewritten would not know what it is told: an
		// UPDATE is acknowledged in its place.
		Encode: func(*adapter.Event, *adapter.Request) adapter.Encoding { return adapter.Nothing },
	}
}

func (s *settings) request(r *adapter.Request) {
	if path := r.Path(); s.Strip+s.Add != "" {
		if to := swap(path, s.Strip, s.Add); to != path {
			r.SetPath(to)
		}
	}
	s.Request.apply(r.Gateway, &r.Header)
}

func (s *settings) response(r *adapter.Response) {
	if r.Failed {
		return
	}
	if s.Strip+s.Add != "" {
		for _, name := range []string{"Location", "Content-Location"} {
			s.back(&r.Header, name)
		}
	}
	s.Response.apply(r.Gateway, &r.Header)
}

// back makes a reference of the module's into one that its clients can follow.
// Those to others stay.
func (s *settings) back(f *adapter.Fields, name string) {
	target := f.Get(name)
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return
	}
	u, err := url.Parse(target)
	if err != nil || !begins(u.EscapedPath(), s.Add) {
		return
	}
	path := u.EscapedPath()
	if to := swap(path, s.Add, s.Strip); to != path {
		f.Set(name, to+target[len(path):])
	}
}

// swap puts add in the place of strip. A path that does not begin with strip
// stays as it is.
func swap(path, strip, add string) string {
	if !begins(path, strip) {
		return path
	}
	path = add + path[len(strip):]
	if path == "" {
		return "/"
	}
	return path
}

// begins reports whether the path's first segments are those of the prefix.
func begins(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// apply edits fields: renames first, so that what is set is not renamed.
func (e *edits) apply(g adapter.Gateway, f *adapter.Fields) {
	for _, c := range e.renames {
		renamed := false
		for value := range f.Values(c.name) {
			if !renamed {
				f.Remove(c.value)
				renamed = true
			}
			f.Add(c.value, value)
		}
		f.Remove(c.name)
	}
	for _, name := range e.Remove {
		f.Remove(name)
	}
	for _, c := range e.sets {
		f.Set(c.name, c.text(g))
	}
	for _, c := range e.adds {
		f.Add(c.name, c.text(g))
	}
}
