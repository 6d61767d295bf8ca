package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	examples "github.com/modgate/modgate/hcl/examples/guide"
)

// The guide for authors of adapters does what it says, with other ports than
// it has, and without a network.
func TestAdaptersGuideIsTrue(t *testing.T) {
	text := runnable(t, "plugins/GUIDE.md")
	module := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/legacy/items" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintln(w, "ten items")
	}))
	t.Cleanup(module.Close)
	control := freeAddress(t)
	ports := strings.NewReplacer("127.0.0.1:9101", module.Listener.Addr().String(), "127.0.0.1:9130", freeAddress(t), "127.0.0.1:9131", control)
	all := examples.Examples(ports.Replace(text))
	if len(all) < 9 {
		t.Fatalf("%d examples, want more", len(all))
	}
	all = append([]examples.Example{{Script: "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT"}}, all...)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	plain := t.TempDir()
	if err := buildPlain(plain); err != nil {
		t.Fatal(err)
	}
	environment := []string{"PATH=" + plain + string(os.PathListSeparator) + os.Getenv("PATH"), "MODGATE_CONTROL=http://" + control, "GOPROXY=off", "GOFLAGS="}
	if err := examples.Run(ctx, t.TempDir(), environment, all); err != nil {
		t.Error(err)
	}
}
