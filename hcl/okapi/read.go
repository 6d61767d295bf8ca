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
			if err != nil {
				errs = append(errs, fmt.Errorf("read %s: %w", f, err))
			}
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

func readFile(name string) ([]Descriptor, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	raws := []json.RawMessage{text}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		if err := json.Unmarshal(text, &raws); err != nil {
			return nil, err
		}
	}
	ds := make([]Descriptor, len(raws))
	for i, raw := range raws {
		var properties map[string]json.RawMessage
		err := json.Unmarshal(raw, &ds[i])
		if err == nil {
			err = json.Unmarshal(raw, &properties)
		}
		if err == nil {
			err = ds[i].identify()
		}
		if err != nil {
			return nil, err
		}
		for p := range properties {
			if !known[p] {
				ds[i].unknown = append(ds[i].unknown, p)
			}
		}
		slices.Sort(ds[i].unknown)
	}
	return ds, nil
}

// selected returns what the install list names of all, which are sorted.
func selected(all []Descriptor, install string) ([]Descriptor, error) {
	text, err := os.ReadFile(install)
	if err != nil {
		return nil, err
	}
	var list []struct{ ID, Action string }
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("read %s: %w", install, err)
	}
	var chosen []Descriptor
	var errs []error
	for _, entry := range list {
		if entry.Action == "disable" {
			continue
		}
		name, version, err := split(entry.ID)
		if err != nil {
			errs = append(errs, fmt.Errorf("read %s: %w", install, err))
			continue
		}
		found := -1
		for i, d := range all { // ascending
			if d.name == name && (version.IsZero() || d.ID == entry.ID) {
				found = i
			}
		}
		if found < 0 {
			errs = append(errs, fmt.Errorf("%s names %s, of which there is no descriptor", install, entry.ID))
			continue
		}
		chosen = append(chosen, all[found])
	}
	return chosen, errors.Join(errs...)
}
