// Package journal keeps records in a file, one JSON text per line. It decides
// when a record is safe: Append returns when it is on disk. It never decides
// who may write; callers hold their fence.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Journal appends records of type R to a file. It has one writer at a time.
type Journal[R any] struct {
	file *os.File
	size int64 // of whole records
}

// Read returns the records of the file at path, none if it does not exist. A
// last record that a crash left half written was never acknowledged, and is
// not returned.
func Read[R any](path string) ([]R, error) {
	records, _, err := read[R](path)
	return records, err
}

// Open opens or creates the file at path and returns what it holds. A last
// record that a crash left half written is cut off.
func Open[R any](path string) (*Journal[R], []R, error) {
	records, size, err := read[R](path)
	if err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := file.Truncate(size); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return &Journal[R]{file: file, size: size}, records, nil
}

// read returns the whole records at path, and their size in bytes.
func read[R any](path string) (records []R, size int64, err error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, 0, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	line := 0
	for row := range bytes.Lines(text) {
		line++
		var r R
		if err := json.Unmarshal(row, &r); err != nil {
			return nil, 0, fmt.Errorf("%s:%d: %w", path, line, err)
		}
		records = append(records, r)
	}
	return records, int64(len(text)), nil
}

// Append writes rs and returns when they are on disk. After an error the file
// holds what it held before.
func (j *Journal[R]) Append(rs ...R) error {
	text, err := lines(rs)
	if err != nil {
		return err
	}
	_, err = j.file.WriteAt(text, j.size)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("append: %w", err), j.file.Truncate(j.size))
	}
	j.size += int64(len(text))
	return nil
}

// lines encodes rs as the file holds them.
func lines[R any](rs []R) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for _, r := range rs {
		if err := enc.Encode(r); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// Close closes the file.
func (j *Journal[R]) Close() error { return j.file.Close() }

// SyncFolder makes names that were created in folder, or renamed into it,
// survive a loss of power.
func SyncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// Replace puts text in the place of the file at path, whole: a crash leaves
// the old file or the new one.
func Replace(path string, text []byte) error {
	next, err := os.CreateTemp(filepath.Dir(path), ".next-")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // after the rename it is no more
	_, err = next.Write(text)
	if err := errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	if err := os.Rename(next.Name(), path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// Write makes a new file at path of records, on disk when it returns.
func Write[R any](path string, records []R) error {
	text, err := lines(records)
	if err != nil {
		return err
	}
	return Replace(path, text)
}
