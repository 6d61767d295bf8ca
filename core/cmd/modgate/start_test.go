package main

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modgate/modgate/hcl/hcltest"
)

// listeners are wherever there is room.
const listeners = `gateway {
  listen = "127.0.0.1:0"
  control {
    listen = "127.0.0.1:0"
  }
}
`

// BenchmarkStart is the time from the start of the command to the answer to a
// first request, with 150 modules that are declared in full: at the very
// first start, when each of them registers and resumes, and at a later one.
// Beside it stands the processor's time of the whole run, which a loaded
// machine does not lengthen.
func BenchmarkStart(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(upstream.Close)
	dir := b.TempDir()
	file := filepath.Join(dir, "platform.hcl")
	if err := os.WriteFile(file, []byte(listeners+hcltest.LargePlatform(upstream.URL)), 0o600); err != nil {
		b.Fatal(err)
	}
	for name, prepare := range map[string]func() error{
		"first": func() error { return os.RemoveAll(filepath.Join(dir, "data")) },
		"later": func() error { return nil },
	} {
		b.Run(name, func(b *testing.B) {
			var spent time.Duration
			for b.Loop() {
				b.StopTimer()
				if err := prepare(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				stop := startToFirstAnswer(b, file)
				b.StopTimer()
				spent += stop()
				b.StartTimer()
			}
			b.ReportMetric(float64(spent.Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}

// startToFirstAnswer runs modgate serve until it has answered a request, and
// returns what stops it and says what it spent.
func startToFirstAnswer(b *testing.B, file string) (stop func() time.Duration) {
	b.Helper()
	cmd := exec.Command("modgate", "serve", file)
	out, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var said []string
	var log strings.Builder
	lines := bufio.NewScanner(out)
	for said == nil && lines.Scan() {
		said = ready.FindStringSubmatch(lines.Text())
		log.WriteString(lines.Text() + "\n")
	}
	if said == nil {
		cmd.Wait() //nolint:errcheck // what it said counts
		b.Fatalf("the gateway did not start:\n%s", &log)
	}
	resp, err := http.Get("http://" + said[1] + "/m0/r7/x")
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(resp, err)
	}
	resp.Body.Close()
	return func() time.Duration {
		cmd.Process.Signal(syscall.SIGTERM)
		for lines.Scan() {
		}
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
}
