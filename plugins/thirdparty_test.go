package plugins

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/adapter"
)

// stranger is what is known of a guest that others wrote: a request that it
// was made for, and what becomes of that.
type stranger struct {
	config, method, target, body string
	fields                       []string

	sends   string // to the module, which answers what it was sent; "": nothing
	answers string // to the client
	logs    string
	refused string // why it is not taken
}

// strangers are those of .ci/guests of which more is to be seen than that they
// take a request, by the end of their path.
var strangers = map[string]stranger{
	// The examples and the broken ones of the reference host.
	"examples/auth.wasm":   {fields: []string{"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, sends: "GET /", answers: "200 GET /"},
	"examples/config.wasm": {config: "\x03\x00\x00\x00\x00\x00\x00\x00", body: "{}", sends: "GET / {}", answers: "200 GET / {}"},
	"examples/log.wasm":    {logs: "hello world", sends: "GET /", answers: "200 GET /"},
	"examples/redact.wasm": {
		config: "open sesame", method: "POST", body: `{"secret": "open sesame"}`,
		sends: `POST / {"secret": "###########"}`, answers: `200 POST / {"secret": "###########"}`,
	},
	"examples/router.wasm": {target: "/host/a?b=c", sends: "GET /a?b=c", answers: "200 GET /a?b=c"},
	"examples/wasi.wasm":   {logs: "POST / HTTP/1.1", method: "POST", body: "seen", sends: "POST / seen", answers: "200 POST / seen"},

	"e2e/header_value.wasm":     {sends: "GET / Content-Type: text/plain", answers: "200 GET / Content-Type: text/plain"},
	"e2e/method.wasm":           {method: "PUT", sends: "POST / PUT", answers: "200 POST / PUT"},
	"e2e/uri.wasm":              {target: "/v1.0/hi?name=panda", sends: "GET /v1.0/hello?name=teddy /v1.0/hi?name=panda", answers: "200 GET /v1.0/hello?name=teddy /v1.0/hi?name=panda"},
	"e2e/protocol_version.wasm": {answers: "200 HTTP/1.1"},

	"read_body.wasm":                           {method: "POST", body: "seen", answers: "200"}, // they crash without one
	"read_body/main.wasm":                      {method: "POST", body: "seen", answers: "200"},
	"read_body_stream/main.wasm":               {method: "POST", body: "seen", answers: "200"},
	"error/panic_on_start.wasm":                {refused: "begin: ", logs: "panic!"},
	"error/panic_on_handle_request.wasm":       {refused: "self-test: GET /: wasm error: unreachable", logs: "panic!"},
	"error/panic_on_handle_response.wasm":      {refused: "self-test: GET /: wasm error: unreachable", logs: "panic!"},
	"error/set_request_header_after_next.wasm": {refused: "it is too late to change a request header: the request was sent"},

	// The examples of its SDK for TinyGo.
	"examples/router/main.wasm":            {answers: "200 hello"},
	"examples/wasi/main.wasm":              {logs: "POST / HTTP/1.1", method: "POST", body: "seen", sends: "POST / seen", answers: "200 POST / seen"},
	"e2e/tinygo/features/main.wasm":        {answers: "200 buffer_request|buffer_response"},
	"e2e/tinygo/handle_response/main.wasm": {sends: "GET /", answers: "200 43"},
	"e2e/tinygo/log/main.wasm":             {logs: "after", sends: "GET /", answers: "200 GET /"},

	// Dapr's, and what its other components run, which is no middleware.
	"middleware/http/wasm/internal/testdata/rewrite.wasm": {target: "/v1.0/hi?name=panda", sends: "GET /v1.0/hello?name=teddy", answers: "200 GET /v1.0/hello?name=teddy"},
	"common/wasm/testdata/args/main.wasm":                 {refused: "it is no adapter"},
	"common/wasm/testdata/strict/main.wasm":               {refused: "it is no adapter"},
}

// TestThirdPartyGuests runs every guest under the folders of MODGATE_GUESTS,
// with its settings from the file .config beside it. It must load and take a
// request; of those that are known, what they make of one is compared.
func TestThirdPartyGuests(t *testing.T) {
	dirs := filepath.SplitList(os.Getenv("MODGATE_GUESTS"))
	if len(dirs) == 0 {
		t.Skip("MODGATE_GUESTS names no folder of guests: make tck fetches some")
	}
	for _, dir := range dirs {
		var files []string
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if filepath.Ext(path) == suffix {
				files = append(files, path)
			}
			return err
		})
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no guest: %v", dir, err)
		}
		for _, file := range files {
			name, _ := filepath.Rel(dir, file)
			t.Run(filepath.ToSlash(name), func(t *testing.T) { runStranger(t, file) })
		}
	}
}

func runStranger(t *testing.T, file string) {
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, known := stranger{}, false
	for end, k := range strangers {
		if strings.HasSuffix(filepath.ToSlash(file), "/"+end) {
			s, known = k, true
		}
	}
	if text, err := os.ReadFile(strings.TrimSuffix(file, suffix) + ".config"); err == nil {
		s.config = string(text)
	}
	var log bytes.Buffer
	p, err := Load(t.Context(), code, options(func(o *Options) {
		o.Plugin.Budget.Start, o.Plugin.Config = time.Minute, s.config
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	}))
	switch {
	case s.refused != "" && (err == nil || !strings.Contains(err.Error(), s.refused)):
		t.Errorf("got %v, want it refused: %s", err, s.refused)
	case s.refused == "" && err != nil:
		t.Errorf("refused: %v", err)
	}
	if err == nil {
		defer p.Close()
		sends, answers, err := s.pass(p)
		if err != nil {
			t.Errorf("%v: %+v", err, p.View().LastFault)
		}
		if known && (sends != s.sends || answers != s.answers) {
			t.Errorf("it sends %q and answers %q, want %q and %q", sends, answers, s.sends, s.answers)
		}
	}
	if !strings.Contains(log.String(), s.logs) {
		t.Errorf("the log lacks %s:\n%s", s.logs, log.String())
	}
}

// pass sends the request through the guest, to a module that answers what it
// gets.
func (s stranger) pass(p *Plugin) (sends, answers string, err error) {
	if s.method == "" {
		s.method = "GET"
	}
	if s.target == "" {
		s.target = "/"
	}
	d := adapter.NewDraft(s.method, s.target, attr(s.fields...), []byte(s.body))
	c, err := p.Request(d)
	if err != nil {
		return "", "", err
	}
	if c.Next {
		sends = fmt.Sprintf("%s %s", d.Method(), d.Target())
		if v, ok := d.Fields(adapter.RequestHeader).Get("Content-Type"); ok {
			sends += " Content-Type: " + string(v)
		}
		sends = rest(sends, d, adapter.Request)
		d.Answer(200, nil, nil, []byte(sends))
	}
	if c.Response {
		err = p.Response(c, d, false)
	}
	status := d.Status()
	if status == 0 {
		status = 200 // as the gateway has it
	}
	return sends, rest(fmt.Sprint(status), d, adapter.Response), err
}

// rest returns what with the body behind it.
func rest(what string, d *adapter.Draft, side adapter.Side) string {
	if b, _ := d.Body(side, 1<<20); len(b) > 0 {
		what += " " + string(b)
	}
	return what
}
