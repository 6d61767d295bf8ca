package gateway

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/keyring/keyringtest"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// stage is a running gateway before the module books, whose requests do what
// their path says, and films, which is away.
type stage struct {
	*running
	base config.Config
	ca   *keyringtest.Authority
}

func newStage(t *testing.T) *stage {
	t.Helper()
	cfg := testConfig(child{t.TempDir(), anyPort, anyPort})
	cfg.Gateway.Settle = 0
	s := &stage{running: startWith(t, cfg), base: *cfg, ca: keyringtest.New(t)}
	s.register("books", "1.0.0", upstreamAsAsked(t)).say(message.Resume)
	films := s.register("films", "1.0.0", says(t, "a film"))
	films.say(message.Resume)
	films.say(message.Update)
	return s
}

// upstreamAsAsked starts an upstream.
func upstreamAsAsked(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/books/silent":
			<-r.Context().Done()
		case "/books/events":
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/books/for":
			_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-For"))
		default:
			_, _ = io.Copy(w, r.Body)
		}
	}))
	t.Cleanup(func() {
		s.CloseClientConnections() // of streams that nobody reads
		s.Close()
	})
	return s.URL
}

// raw sends text on a connection of its own.
func (s *stage) raw(text string) (net.Conn, *bufio.Reader) {
	s.t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(s.data, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(nc, text); err != nil {
		s.t.Fatal(err)
	}
	return nc, bufio.NewReader(nc)
}

// status is that of the answer to a request in raw text, on a connection of
// its own.
func (s *stage) status(text string) int {
	s.t.Helper()
	nc, r := s.raw(text)
	defer nc.Close()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		s.t.Fatalf("%.60q: %v", text, err)
	}
	return resp.StatusCode
}

func request(method, path, body string, fields ...string) string {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n", method, path, len(body))
	for i := 0; i < len(fields); i += 2 {
		head += fields[i] + ": " + fields[i+1] + "\r\n"
	}
	return head + "\r\n" + body
}

// closes sends text on a connection of its own, and reports whether the
// gateway closes it much sooner than the defaults make it.
func (s *stage) closes(text string) bool {
	nc, r := s.raw(text)
	_ = nc.SetReadDeadline(time.Now().Add(1500 * time.Millisecond))
	_, err := io.Copy(io.Discard, r)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// streams is how many streams an HTTP/2 connection may have.
func (s *stage) streams() uint32 {
	s.t.Helper()
	nc, r := s.raw(http2.ClientPreface)
	defer nc.Close()
	framer := http2.NewFramer(nc, r)
	if err := framer.WriteSettings(); err != nil {
		s.t.Fatal(err)
	}
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			s.t.Fatal(err)
		}
		if f, ok := f.(*http2.SettingsFrame); ok && !f.IsAck() {
			n, _ := f.Value(http2.SettingMaxConcurrentStreams)
			return n
		}
	}
}

// forwarded is what books is told of the client behind a proxy.
func (s *stage) forwarded() string {
	_, r := s.raw(request("GET", "/books/for", "", "X-Forwarded-For", "203.0.113.7"))
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// credentials is whether a page may read DELAY with credentials.
func (s *stage) credentials() string {
	_, r := s.raw(request("GET", "/films/1", "", "Origin", "https://library.example", "Prefer", "wait=0"))
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.Header.Get("Access-Control-Allow-Credentials")
}

// may is the status of a registration with a join secret.
func (s *stage) may(secret string) int {
	status, err := s.caller.as(secret).call("POST", "/v1/instances", message.Registration{
		Module: "tags", Version: module.MustVersion("1.0.0"), Instance: "tags-1", Upstream: "http://127.0.0.1:1",
	}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return status
}

// shown are the settings of the gateway that a reload puts in force: how each
// is changed, and what is seen of it before and after. What cannot be seen
// cheaply is compared as it reaches the data plane, whose own tests show it.
var shown = []struct {
	at     string // names below gateway, by spaces
	edit   func(s *stage, c *config.Config)
	look   func(s *stage) any
	before any // nil: whatever it is, it changes
	after  any
}{
	{"limits.head", func(_ *stage, c *config.Config) { c.Gateway.Limits.Head = 32 * config.KiB }, func(s *stage) any {
		return s.status(request("GET", "/books/1", "", "X-Long", strings.Repeat("x", 20_000)))
	}, 431, 200},
	{"limits.body", func(_ *stage, c *config.Config) { c.Gateway.Limits.Body = config.KiB }, func(s *stage) any {
		return s.status(request("POST", "/books/1", strings.Repeat("x", 2000)))
	}, 200, 413},
	{"limits.connections", func(_ *stage, c *config.Config) { c.Gateway.Limits.Connections = 2 }, func(s *stage) any {
		http.DefaultClient.CloseIdleConnections()
		var all []int
		for range 3 {
			_, r := s.raw(request("GET", "/books/1", ""))
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				s.t.Fatal(err)
			}
			all = append(all, resp.StatusCode)
		}
		return slices.Max(all)
	}, 200, 503},
	{"limits.streams", func(_ *stage, c *config.Config) { c.Gateway.Limits.Streams = 7 }, func(s *stage) any { return s.streams() }, uint32(250), uint32(7)},
	{"parking.per_module", func(_ *stage, c *config.Config) { c.Gateway.Parking = config.Parking{Bytes: c.Gateway.Parking.Bytes} }, parkedFor, "wait", "overflow"},
	{"parking.per_caller", func(_ *stage, c *config.Config) { c.Gateway.Parking.PerCaller = 0 }, parkedFor, "wait", "overflow"},
	{"parking.bytes", func(_ *stage, c *config.Config) { c.Gateway.Parking.Bytes = 0 }, parkedFor, "wait", "overflow"},
	{"timeouts.first_byte", func(_ *stage, c *config.Config) { c.Gateway.Timeouts.FirstByte = 20 * time.Millisecond }, func(s *stage) any {
		began := time.Now()
		s.status(request("GET", "/books/silent", "", "Modgate-Timeout", "1000"))
		return time.Since(began) < 800*time.Millisecond
	}, false, true},
	{"timeouts.request", func(_ *stage, c *config.Config) { c.Gateway.Timeouts.Request = 20 * time.Millisecond }, func(s *stage) any {
		began := time.Now()
		s.status(request("GET", "/books/silent", "", "Modgate-Timeout", "1000"))
		return time.Since(began) < 800*time.Millisecond
	}, false, true},
	{"timeouts.read_head", func(_ *stage, c *config.Config) { c.Gateway.Timeouts.ReadHead = 50 * time.Millisecond }, func(s *stage) any {
		return s.closes("GET /books/1 HT")
	}, false, true},
	{"timeouts.idle", func(_ *stage, c *config.Config) { c.Gateway.Timeouts.Idle = 50 * time.Millisecond }, func(s *stage) any {
		return s.closes(request("GET", "/books/1", ""))
	}, false, true},
	{"timeouts.stream", func(_ *stage, c *config.Config) { c.Gateway.Timeouts.Stream = 50 * time.Millisecond }, func(s *stage) any {
		return s.closes(request("GET", "/books/events", ""))
	}, false, true},
	{"timeouts.shutdown", func(_ *stage, c *config.Config) { c.Gateway.Timeouts.Shutdown = time.Minute }, func(s *stage) any { return s.config.Gateway.Timeouts.Shutdown }, 5 * time.Second, time.Minute},
	{"timeouts.connect", func(_ *stage, c *config.Config) { c.Gateway.Timeouts.Connect = time.Second }, dataPlane, nil, nil},
	{"upstream.connections", func(_ *stage, c *config.Config) { c.Gateway.Upstreams.Connections = 1 }, dataPlane, nil, nil},
	{"upstream.slow_start", func(_ *stage, c *config.Config) { c.Gateway.Upstreams.SlowStart = time.Second }, dataPlane, nil, nil},
	{"upstream.failures", func(_ *stage, c *config.Config) { c.Gateway.Upstreams.Failures = 1 }, dataPlane, nil, nil},
	{"upstream.ejection", func(_ *stage, c *config.Config) { c.Gateway.Upstreams.Ejection = time.Second }, dataPlane, nil, nil},
	{"upstream.retries", func(_ *stage, c *config.Config) { c.Gateway.Upstreams.Retries = 0 }, dataPlane, nil, nil},
	{"upstream.retry_budget", func(_ *stage, c *config.Config) { c.Gateway.Upstreams.RetryBudget = 0 }, dataPlane, nil, nil},
	{"upstream.authorities upstream.certificate upstream.key", func(s *stage, c *config.Config) {
		cert, key := s.ca.Issue(s.t.TempDir(), time.Now().Add(time.Hour), "127.0.0.1")
		c.Gateway.Upstreams.Authorities, c.Gateway.Upstreams.Certificate, c.Gateway.Upstreams.Key = s.ca.File(), cert, key
	}, func(s *stage) any {
		s.register("loans", "1.0.0", serveTLS(s.t, s.ca, func(http.ResponseWriter, *http.Request) {})).say(message.Resume)
		status, _, _ := s.get("/loans/1")
		return status
	}, 502, 200},
	{"cors.origins", func(_ *stage, c *config.Config) { c.Gateway.CORS.Origins = []string{"https://library.example"} }, func(s *stage) any {
		return s.credentials()
	}, "", "true"},
	{"trusted_proxies", func(_ *stage, c *config.Config) { c.Gateway.TrustedProxies = []string{"127.0.0.0/8"} }, func(s *stage) any {
		return strings.Contains(s.forwarded(), "203.0.113.7")
	}, false, true},
	{"policies tenant_header", func(s *stage, c *config.Config) {
		dir := s.t.TempDir()
		writePolicy(s.t, dir, "site/a.rego", byTenant)
		writePolicy(s.t, dir, "data/tenants.json", `{"diku": "gold"}`)
		c.Gateway.Policies, c.Gateway.TenantHeader = dir, "Tenant"
	}, func(s *stage) any {
		return s.status(request("GET", "/films/1", "", "Tenant", "diku", "Prefer", "wait=0"))
	}, 503, 200},
	{"plugins", func(s *stage, c *config.Config) {
		c.Gateway.Plugins = s.t.TempDir()
		if err := os.WriteFile(filepath.Join(c.Gateway.Plugins, "books.wasm"), []byte("none"), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}, func(s *stage) any { return len(s.pluginViews()) }, 0, 1},
	{"join_secret", func(_ *stage, c *config.Config) { c.Gateway.JoinSecret = "another join secret than it was" }, func(s *stage) any {
		return s.may("another join secret than it was")
	}, 401, 201},
	{"alerts.unresolved", func(_ *stage, c *config.Config) { c.Gateway.Alerts.Unresolved = time.Millisecond }, func(s *stage) any {
		if status, err := s.caller.call("POST", "/v1/instances", message.Registration{
			Module: "needy", Version: module.MustVersion("1.0.0"), Instance: "needy-1", Upstream: "http://127.0.0.1:1",
			Requires: []module.Requirement{{ID: "nobody"}},
		}, nil); err != nil || status >= 300 {
			s.t.Fatal(status, err)
		}
		by := time.Now().Add(5 * time.Second)
		if s.config.Gateway.Alerts.Unresolved > time.Second {
			by = time.Now().Add(50 * time.Millisecond)
		}
		for s.told("requirement/needy@1.0.0/nobody") == "" && time.Now().Before(by) {
			time.Sleep(5 * time.Millisecond)
		}
		return s.told("requirement/needy@1.0.0/nobody") != ""
	}, false, true},
	{"https.certificates https.keys https.min_version https.client_authorities https.client_certificates", func(s *stage, c *config.Config) {
		cert, key := s.ca.Issue(s.t.TempDir(), time.Now().Add(time.Hour), "127.0.0.1")
		c.Gateway.TLS = config.TLS{
			Certificates: []string{cert}, Keys: []string{key}, MinVersion: config.TLS13,
			ClientAuthorities: s.ca.File(), ClientCertificates: config.RequiredClientCertificates,
		}
	}, func(s *stage) any {
		address := strings.TrimPrefix(s.data, "http://")
		own := &tls.Config{RootCAs: s.ca.Pool(), Certificates: []tls.Certificate{s.ca.Certificate("client")}}
		old := own.Clone()
		old.MaxVersion = tls.VersionTLS12
		return fmt.Sprint(agrees(address, own), agrees(address, &tls.Config{RootCAs: s.ca.Pool()}), agrees(address, old))
	}, "false false false", "true false false"},
	{"control.certificate control.key", func(s *stage, c *config.Config) {
		c.Gateway.Control.Certificate, c.Gateway.Control.Key = s.ca.Issue(s.t.TempDir(), time.Now().Add(time.Hour), "127.0.0.1")
	}, func(s *stage) any { return agrees(s.caller.control, &tls.Config{RootCAs: s.ca.Pool()}) }, false, true},
}

// agrees reports whether a request is answered under TLS.
func agrees(address string, c *tls.Config) bool {
	nc, err := tls.Dial("tcp", address, c)
	if err != nil {
		return false
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(nc, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
	_, err = http.ReadResponse(bufio.NewReader(nc), nil)
	return err == nil
}

// parkedFor says what becomes of a request to films, which is away.
func parkedFor(s *stage) any {
	_, r := s.raw(request("GET", "/films/1", "", "Modgate-Timeout", "200"))
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.Contains(resp.Header.Get("Proxy-Status"), "overflow") {
		return "overflow"
	}
	return "wait"
}

// dataPlane is what the data plane is told.
func dataPlane(s *stage) any { return settings(s.config, s.keys.Load()) }

// Every setting of the gateway either waits for the next start, or is seen to
// take effect at once in a gateway that runs, and to be taken back.
func TestReloadPutsEverySettingInForce(t *testing.T) { // C1
	t.Parallel()
	s := newStage(t)
	waits := []string{"listen", "control.listen", "data_dir", "settle"}
	var atOnce, atStart []string
	for _, setting := range s.base.Gateway.Settings() {
		if setting.Effect == config.AtStart {
			atStart = append(atStart, setting.Name)
		} else {
			atOnce = append(atOnce, setting.Name)
		}
	}
	var rows []string
	for _, row := range shown {
		rows = append(rows, strings.Fields(row.at)...)
		t.Run(row.at, func(t *testing.T) {
			before := row.look(s)
			if row.before != nil && before != row.before {
				t.Fatalf("before: %v, want %v", before, row.before)
			}
			next := s.base
			row.edit(s, &next)
			s.reload(&next)
			after := row.look(s)
			if row.after != nil && after != row.after || reflect.DeepEqual(after, before) {
				t.Errorf("after: %v, want %v", after, row.after)
			}
			back := s.base
			s.reload(&back)
		})
	}
	for _, list := range [][]string{atOnce, atStart, rows, waits} {
		slices.Sort(list)
	}
	if !slices.Equal(rows, atOnce) {
		t.Errorf("shown are\n%q, want\n%q", rows, atOnce)
	}
	if !slices.Equal(atStart, waits) {
		t.Errorf("at the next start change %q, want %q", atStart, waits)
	}
	if got := s.status(request("GET", "/books/1", "")); got != 200 {
		t.Errorf("in the end books answers %d", got)
	}
}
