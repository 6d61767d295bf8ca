package route

import (
	"bytes"
	"strings"
)

// matches reports whether shape matches all of path.
func matches(shape string, path []byte) bool {
	for {
		param := strings.IndexByte(shape, '{')
		if param < 0 {
			break
		}
		if len(path) <= param || string(path[:param]) != shape[:param] || path[param] == '/' {
			return false
		}
		path = path[param+segment(path[param:]):]
		shape = shape[param+len("{}"):]
	}
	if last := len(shape) - 1; last >= 0 && shape[last] == '*' {
		return len(path) >= last && string(path[:last]) == shape[:last]
	}
	return string(path) == shape
}

// segment returns the length of path up to its next slash.
func segment(path []byte) int {
	if i := bytes.IndexByte(path, '/'); i >= 0 {
		return i
	}
	return len(path)
}
