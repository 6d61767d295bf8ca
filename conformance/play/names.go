package play

import "strings"

// A core that runs already may know others' modules: there, names and paths
// get the case's tag on their way out, and lose it on their way in.

func (w *world) tagged(name string) string {
	if w.Tag == "" {
		return name
	}
	return name + "-" + w.Tag
}

// taggedPath takes "/books" or "GET /books".
func (w *world) taggedPath(p string) string {
	if w.Tag == "" {
		return p
	}
	method, path, two := strings.Cut(p, " ")
	if !two {
		return "/-" + w.Tag + p
	}
	return method + " /-" + w.Tag + path
}

func (w *world) untag(s string) string {
	if w.Tag == "" {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "/-"+w.Tag, ""), "-"+w.Tag, "")
}
