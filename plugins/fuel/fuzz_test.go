package fuel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/plugins/wat"
)

// FuzzRewrite holds the rewriter against the engine: what the engine refuses
// stays refused, what it takes is taken, and behaves the same.
func FuzzRewrite(f *testing.F) {
	for _, text := range samples {
		f.Add(wat.Must(text), uint64(3), uint64(1))
	}
	for _, text := range endless {
		if len(text) < 1000 {
			f.Add(wat.Must(text), uint64(0), uint64(0))
		}
	}
	f.Add(wat.Must(marginal), uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, module []byte, a, b uint64) {
		if len(module) > 4096 {
			return
		}
		e := newEngine(t)
		r, err := Rewrite(module, Options{First: slice, Table: 1000})
		if err != nil {
			// An engine believes lengths that lead nowhere: it is not asked then.
			known := errors.Is(err, ErrUnsupported) || strings.Contains(err.Error(), "larger than") || lax(err)
			if !known && e.takes(module) == nil {
				t.Errorf("refused: %v; the engine takes it", err)
			}
			return
		}
		original := e.takes(module)
		if m, err := Rewrite(module, Options{First: slice, Table: 1000, Margin: true}); err != nil && original == nil {
			t.Fatalf("with a margin: %v", err)
		} else if err != nil {
			return
		} else if _, err := e.CompileModule(context.Background(), m.Code); m.Margin && (original == nil) != (err == nil) {
			t.Fatalf("the engine says of the original %v, with a margin %v", original, err)
		}
		_, rewritten := e.CompileModule(context.Background(), r.Code)
		if original != nil && strings.Contains(original.Error(), "custom") {
			return // such a section is for tools, and left out
		}
		if (original == nil) != (rewritten == nil) {
			t.Fatalf("the engine says of the original %v, of the rewritten %v", original, rewritten)
		}
		if original != nil {
			return
		}
		e.most = 100
		got, err := e.run(r.Code, a, b)
		if got.dry || errors.Is(err, errDry) || strings.Contains(got.results, "stack overflow") || slices.ContainsFunc(r.Imports, func(i Import) bool { return i.Name == ImportName }) {
			return
		}
		want, originally := e.run(module, a, b)
		if (err == nil) != (originally == nil) {
			t.Fatalf("the rewritten: %v; the original: %v", err, originally)
		}
		if !strings.Contains(string(module), "grow") && (got.results != want.results || !bytes.Equal(got.memory, want.memory)) && !clamped(module) {
			t.Errorf("got\n%swant\n%s", got.results, want.results)
		}
	})
}

// takes returns why the engine does not take a module that was not rewritten.
// It crashes at some, which must not come through rewriting.
func (e *engine) takes(module []byte) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the engine crashed: %v", fault)
		}
	}()
	_, err = e.CompileModule(context.Background(), module)
	return err
}

// lax reports refusals of what the engine does not look at closely.
func lax(err error) bool {
	for _, s := range []string{"a number is too large", "stands in the wrong place", "bytes too many", "it ends too early", "in a constant", "there is no", "and code for"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}

// clamped reports whether a table could be smaller than it was.
func clamped(module []byte) bool {
	a, errA := Rewrite(module, Options{First: slice, Table: 1000})
	b, errB := Rewrite(module, Options{First: slice})
	return errA != nil || errB != nil || !bytes.Equal(a.Code, b.Code)
}
