package command

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/modgate/modgate/hcl/examples/guide"
)

// TestGuideIsTrue runs every example of the guide, as a reader would.
func TestGuideIsTrue(t *testing.T) {
	startsPrograms(t)
	text, err := os.ReadFile("../GUIDE.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := guide.Examples(string(text))
	if len(examples) < 8 {
		t.Fatalf("got %d examples, want at least 8", len(examples))
	}
	adapters, err := filepath.Abs("../adapters")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := guide.Run(ctx, t.TempDir(), []string{"ADAPTERS=" + adapters}, examples); err != nil {
		t.Error(err)
	}
}
