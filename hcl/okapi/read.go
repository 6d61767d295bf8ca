package okapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Read reads descriptors from files and folders: a file has one or an array
// of them; of a folder, every *.json counts. install, unless it is empty, is
// an install list: it selects descriptors and puts them in its order, and an
// entry without a version means the highest. Without one they are in the
// order of names and versions. The error joins everything that is wrong.
func Read(paths []string, install string) ([]Descriptor, error) {
	var all []Descriptor
	var errs []error
	for _, p := range paths {
		files, err := filesOf(p)
		errs = append(errs, err)
		for _, f := range files {
			ds, err := readFile(f)
			errs = append(errs, err)
			all = append(all, ds...)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b Descriptor) int {
		return cmp.Or(strings.Compare(a.name, b.name), a.version.Compare(b.version), strings.Compare(a.ID, b.ID))
	})
	for i := range all[:max(0, len(all)-1)] {
		if all[i].name == all[i+1].name && all[i].version.Equal(all[i+1].version) {
			errs = append(errs, fmt.Errorf("two descriptors of one version: %s and %s", all[i].ID, all[i+1].ID))
		}
	}
	if install == "" || errs != nil && errors.Join(errs...) != nil {
		return all, errors.Join(errs...)
	}
	return selected(all, install)
}

func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	files, err := filepath.Glob(filepath.Join(path, "*.json"))
	if err == nil && files == nil {
		err = fmt.Errorf("the folder %s has no file that ends in .json", path)
	}
	return files, err
}

func readFile(name string) (ds []Descriptor, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	elements, err := elementsOf(text)
	if err != nil {
		return nil, at(name, text, 0, err)
	}
	var errs []error
	for _, e := range elements {
		d, err := describe(e.text)
		if err != nil {
			errs = append(errs, at(name, text, e.offset, err))
		}
		ds = append(ds, d)
	}
	return ds, errors.Join(errs...)
}

// element is one value of a file.
type element struct {
	text   json.RawMessage
	offset int // where it begins
}

// elementsOf returns what the array in text has, or else its only value.
func elementsOf(text []byte) (all []element, err error) {
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		_, err = d.Token()
	}
	for err == nil && d.More() {
		var e element
		err = d.Decode(&e.text)
		e.offset = int(d.InputOffset()) - len(e.text)
		all = append(all, e)
	}
	return all, err
}

// at says where in the file's text the cause is, as the package json tells it
// of what begins at offset.
func at(name string, text []byte, offset int, cause error) error {
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(cause, &syntax):
		offset += int(syntax.Offset) - 1
	case errors.As(cause, &mistyped):
		offset += int(mistyped.Offset) - 1
	}
	before := text[:min(max(offset, 0), len(text))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):])
	return fmt.Errorf("read %s:%d:%d: %w", name, line, column, cause)
}

func describe(text []byte) (d Descriptor, err error) {
	var properties map[string]json.RawMessage
	err = json.Unmarshal(text, &d)
	if err == nil {
		err = json.Unmarshal(text, &properties)
	}
	if err == nil {
		err = d.identify()
	}
	for p := range properties {
		if !known[p] {
			d.unknown = append(d.unknown, p)
		}
	}
	slices.Sort(d.unknown)
	return d, err
}

// selected returns what the install list names of all, which are sorted.
func selected(all []Descriptor, install string) ([]Descriptor, error) {
	text, err := os.ReadFile(install)
	if err != nil {
		return nil, err
	}
	elements, err := elementsOf(text)
	if err != nil {
		return nil, at(install, text, 0, err)
	}
	var chosen []Descriptor
	var errs []error
	for _, e := range elements {
		d, found, err := entry(e.text, all)
		if err != nil {
			errs = append(errs, at(install, text, e.offset, err))
		}
		if found {
			chosen = append(chosen, d)
		}
	}
	return chosen, errors.Join(errs...)
}

// entry returns the descriptor that an entry of an install list is about,
// unless that disables a module.
func entry(text []byte, all []Descriptor) (d Descriptor, found bool, err error) {
	var e struct{ ID, Action string }
	if err := json.Unmarshal(text, &e); err != nil || e.Action == "disable" {
		return d, false, err
	}
	name, version, err := split(e.ID)
	if err != nil {
		return d, false, err
	}
	for _, other := range all { // ascending
		if other.name == name && (version.IsZero() || other.ID == e.ID) {
			d, found = other, true
		}
	}
	if !found {
		err = fmt.Errorf("there is no descriptor of %s", e.ID)
	}
	return d, found, err
}
