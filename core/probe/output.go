package probe

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// outputLimit is how long a file of output may become. Then it is renamed to
// end in ".1", in the place of the one that was renamed before.
const outputLimit = 10 << 20 // bytes

// output is the file that a process writes to, through a pipe. It never
// refuses: a full disk must not end the process.
type output struct {
	path  string
	limit int64
	log   *slog.Logger
	file  *os.File
	size  int64
	torn  bool // something could not be written, and that was logged
}

// openOutput opens the file for appending, for this user's eyes only.
func openOutput(path string, limit int64, log *slog.Logger) (*output, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	o := &output{path: path, limit: limit, log: log}
	if err := o.open(); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return o, nil
}

func (o *output) open() error {
	f, err := os.OpenFile(o.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return err
	}
	o.file, o.size = f, info.Size()
	return nil
}

// Write appends p, between two lines of which it may begin another file. What
// cannot be written is dropped.
func (o *output) Write(p []byte) (int, error) {
	rest := p
	if o.size+int64(len(p)) > o.limit {
		line := bytes.IndexByte(p, '\n') + 1
		o.report(o.write(p[:line]))
		if line > 0 || o.size > o.limit {
			o.report(o.rotate())
		}
		rest = p[line:]
	}
	o.report(o.write(rest))
	return len(p), nil
}

func (o *output) write(p []byte) error {
	n, err := o.file.Write(p)
	o.size += int64(n)
	return err
}

// rotate begins another file. Where it cannot, the present one grows.
func (o *output) rotate() error {
	if err := os.Rename(o.path, o.path+".1"); err != nil {
		return err
	}
	full := o.file
	if err := o.open(); err != nil {
		return err
	}
	return full.Close()
}

// report logs the first fault.
func (o *output) report(err error) {
	if err != nil && !o.torn {
		o.torn = true
		o.log.Error("output of the process is lost", "file", o.path, "cause", err)
	}
}

// Close closes the file.
func (o *output) Close() error { return o.file.Close() }
