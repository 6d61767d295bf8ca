package journal_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/hcl/examples/library/journal"
)

type record struct{ N int }

func TestAppendedRecordsAreThereAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.jsonl")
	for n := 1; n < 4; n++ {
		j, got, err := journal.Open[record](path)
		if err != nil {
			t.Fatal(err)
		}
		want := []record{{1}, {2}, {3}}[:n-1]
		if !slices.Equal(got, want) {
			t.Errorf("opened with %v, want %v", got, want)
		}
		if err := j.Append(record{n}); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A crash may leave any part of the last line.
func TestTornRecordIsCutOff(t *testing.T) {
	whole, torn := `{"N":1}`+"\n", `{"N":2}`
	for i := range len(torn) + 1 {
		path := filepath.Join(t.TempDir(), "j.jsonl")
		if err := os.WriteFile(path, []byte(whole+torn[:i]), 0o600); err != nil {
			t.Fatal(err)
		}
		j, got, err := journal.Open[record](path)
		if err != nil || !slices.Equal(got, []record{{1}}) {
			t.Fatalf("torn after %d: opened with %v, %v", i, got, err)
		}
		if err := j.Append(record{3}); err != nil {
			t.Fatal(err)
		}
		j.Close()
		if got, err := journal.Read[record](path); err != nil || !slices.Equal(got, []record{{1}, {3}}) {
			t.Errorf("torn after %d: then %v, %v", i, got, err)
		}
	}
}

func TestBrokenRecordIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.jsonl")
	if err := os.WriteFile(path, []byte("{\"N\":1}\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Read[record](path); err == nil || !strings.Contains(err.Error(), "j.jsonl:2:") {
		t.Errorf("got %v, want file and line", err)
	}
}
