package adaptertest

import (
	"testing"
)

// Options say what Test does.
type Options struct {
	File    string // the adapter's
	Cases   string // a folder, or one file
	Update  bool   // what the cases expect becomes what comes out: read it before you commit it
	NoBreak bool   // leaves out what Break does, which takes a second for each hook
}

// Test plays every case as a test of its own, lets requests overlap, repeats
// them many times, and breaks every hook.
func Test(t *testing.T, o Options) {
	t.Helper()
	a, err := Open(o.File)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	cases, err := Read(o.Cases)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name(), func(t *testing.T) {
			findings, err := a.Play(t.Context(), c, o.Update)
			report(t, findings, err)
		})
	}
	t.Run("interleaved", func(t *testing.T) {
		findings, err := a.Interleave(t.Context(), cases)
		report(t, findings, err)
	})
	t.Run("in a row", func(t *testing.T) {
		findings, err := a.Repeat(t.Context(), cases)
		report(t, findings, err)
	})
	if o.NoBreak {
		return
	}
	t.Run("broken", func(t *testing.T) {
		_, findings, err := a.Break(t.Context(), cases)
		report(t, findings, err)
	})
}

func report(t *testing.T, findings []Finding, err error) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
	if err != nil {
		t.Error(err)
	}
}
