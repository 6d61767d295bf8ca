package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	examples "github.com/modgate/modgate/hcl/examples/guide"
)

// The examples of the operators' guide do what it says, with other ports than
// it has.
func TestOperatorsGuideIsTrue(t *testing.T) {
	text := runnable(t, "hcl/OPERATING.md")
	var ports []string
	for port, says := range map[int]string{
		9101: "users 1.0.0", 9102: "loans 1.0.0", 9103: "users 2.0.0", 9104: "tags 1.0.0", 9105: "tags 1.1.0", 9106: "films 1.0.0", 9107: "lending 1.0.0",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, says) }))
		t.Cleanup(s.Close)
		ports = append(ports, fmt.Sprintf("127.0.0.1:%d", port), s.Listener.Addr().String())
	}
	data, control := freeAddress(t), freeAddress(t)
	ports = append(ports, "127.0.0.1:9130", data, "127.0.0.1:9131", control)
	all := examples.Examples(strings.NewReplacer(ports...).Replace(text))
	if len(all) < 10 {
		t.Fatalf("%d examples, want more", len(all))
	}
	// Nothing is left behind by a guide that is wrong.
	all = append([]examples.Example{{Script: "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT"}}, all...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := examples.Run(ctx, t.TempDir(), []string{"MODGATE_CONTROL=http://" + control}, all); err != nil {
		t.Error(err)
	}
}

// runnable returns the text of a guide whose commands can be run here.
func runnable(t *testing.T, path string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the guide runs curl, which is not installed")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "..", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
