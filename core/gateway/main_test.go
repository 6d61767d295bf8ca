package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/modgate/modgate/core/config"
)

// serveEnv makes the test binary a gateway, for tests that kill it. Its value
// is the JSON of a child.
const serveEnv = "MODGATE_TEST_GATEWAY"

// child is what a gateway in a process of its own is started with.
type child struct{ Dir, Data, Control string }

func TestMain(m *testing.M) {
	if text := os.Getenv(serveEnv); text != "" {
		os.Exit(serveChild(text))
	}
	_ = new(fasthttp.ResponseHeader).Header() // starts fasthttp's clock: outside of every bubble
	os.Exit(m.Run())
}

// serveChild runs a gateway until SIGTERM, and says "ready" when it listens.
func serveChild(text string) int {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	g, err := Open(Options{Config: testConfig(c), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Version: "test"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	err = g.Serve(ctx)
	if cerr := g.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

const (
	joinSecret = "the join secret of these tests"
	anyPort    = "127.0.0.1:0"
)

// testConfig is a gateway with short times, of modules that are registered by
// the tests themselves.
func testConfig(c child) *config.Config {
	cfg := config.Default()
	cfg.Gateway.DataDir, cfg.Gateway.Listen, cfg.Gateway.Control.Listen = c.Dir, c.Data, c.Control
	cfg.Gateway.JoinSecret = joinSecret
	cfg.Gateway.Timeouts.Shutdown = 5 * time.Second
	cfg.Defaults.Grace, cfg.Defaults.Lease = time.Second, time.Minute
	return &cfg
}

// caller speaks JSON to a control listener.
type caller struct {
	control string
	bearer  string
	client  *http.Client // nil: http.DefaultClient
}

// call returns the status, and decodes the body into out, if any.
func (c caller) call(method, path string, in, out any, header ...string) (int, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequest(method, "http://"+c.control+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+c.bearer)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := c.client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && out != nil && strings.Contains(resp.Header.Get("Content-Type"), "json") {
		err = json.Unmarshal(answer, out)
	}
	return resp.StatusCode, err
}

// as returns a caller with another secret or token.
func (c caller) as(bearer string) caller { return caller{c.control, bearer, c.client} }
