package probe

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func openTestOutput(t *testing.T, limit int64, log *slog.Logger) *output {
	t.Helper()
	o, err := openOutput(filepath.Join(t.TempDir(), "p.log"), limit, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func (o *output) mustHold(t *testing.T, suffix, want string) {
	t.Helper()
	if got, err := os.ReadFile(o.path + suffix); err != nil || string(got) != want {
		t.Errorf("p.log%s holds %q, %v, want %q", suffix, got, err, want)
	}
}

func TestOutputBeginsAnotherFileBetweenLines(t *testing.T) {
	o := openTestOutput(t, 20, slog.New(slog.DiscardHandler))
	for _, chunk := range []string{"one\ntwo\nthr", "ee\n", "four\nfive\nsix", "\nseven\n"} {
		if n, err := o.Write([]byte(chunk)); n != len(chunk) || err != nil {
			t.Errorf("Write(%q) = %d, %v", chunk, n, err)
		}
	}
	o.mustHold(t, ".1", "one\ntwo\nthree\nfour\n")
	o.mustHold(t, "", "five\nsix\nseven\n")
}

func TestOutputIsBounded(t *testing.T) {
	const limit, chunk = 1000, 64
	o := openTestOutput(t, limit, slog.New(slog.DiscardHandler))
	for range 200 { // without any line's end
		o.Write(bytes.Repeat([]byte("x"), chunk))
	}
	files, err := os.ReadDir(filepath.Dir(o.path))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v, want 2", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Size() > limit+chunk {
			t.Errorf("%s has %d bytes, %v, want %d at most", f.Name(), info.Size(), err, limit+chunk)
		}
	}
}

func TestOutputGoesOnWhereItEnded(t *testing.T) {
	o := openTestOutput(t, 20, slog.New(slog.DiscardHandler))
	o.Write([]byte("before the restart\n"))
	next, err := openOutput(o.path, 20, o.log)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	next.Write([]byte("after\nit\n"))
	next.mustHold(t, ".1", "before the restart\nafter\n")
	next.mustHold(t, "", "it\n")
}

func TestOutputThatCannotBeWrittenIsDroppedAndLoggedOnce(t *testing.T) {
	var text bytes.Buffer
	o := openTestOutput(t, 1000, slog.New(slog.NewTextHandler(&text, nil)))
	o.file.Close()
	for i := range 3 {
		line := fmt.Appendf(nil, "line %d\n", i)
		if n, err := o.Write(line); n != len(line) || err != nil {
			t.Errorf("Write = %d, %v, want that the process does not notice", n, err)
		}
	}
	if got := strings.Count(text.String(), "\n"); got != 1 || !strings.Contains(text.String(), o.path) {
		t.Errorf("logged %q, want one line with the file's name", text.String())
	}
}
