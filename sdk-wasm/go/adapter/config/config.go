// Package config reads plugin.config where it is JSON, as jsonencode in a
// module's block writes it. An adapter that needs none of it does without the
// package, and is smaller.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Read reads a text into v, a pointer to a struct that has the defaults. A
// setting that v does not have is an error, and so is anything behind the
// settings. An empty text leaves v as it is.
func Read(text string, v any) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("plugin.config: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("plugin.config: something follows the settings")
	}
	return nil
}

// Wrong is all that is wrong with settings. The zero value is nothing.
type Wrong struct{ errs []error }

// Say notes that something is.
func (w *Wrong) Say(format string, args ...any) {
	w.errs = append(w.errs, fmt.Errorf("plugin.config: "+format, args...))
}

// Err returns what was said, a line for each; nil: nothing.
func (w *Wrong) Err() error { return errors.Join(w.errs...) }
