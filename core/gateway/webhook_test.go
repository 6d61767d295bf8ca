package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// mailbox is an instance's webhook.
type mailbox struct {
	*httptest.Server
	dead atomic.Bool // answers 503

	mu      sync.Mutex
	secret  string
	letters []string // type and subject of what it took
	refused int
	t       *testing.T
}

func newMailbox(t *testing.T) *mailbox {
	m := &mailbox{t: t}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the gateway was stopped meanwhile
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	verifier, err := standardwebhooks.NewWebhook(m.secret)
	if err == nil {
		err = verifier.Verify(body, r.Header)
	}
	if err != nil {
		m.t.Error(err)
	}
	if m.dead.Load() {
		m.refused++
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	for _, kind := range []string{"delay", "missing", "resume"} {
		if strings.Contains(string(body), `"dev.modgate.`+kind+`.v1"`) {
			m.letters = append(m.letters, kind)
		}
	}
}

// opens gives it the secret with which it verifies.
func (m *mailbox) opens(secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secret = secret
}

// got returns what was taken, and how often it was refused.
func (m *mailbox) got() (letters string, refused int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.letters, " "), m.refused
}

// What a webhook was owed when the gateway ended, it is sent by the next one,
// and nothing that it took before (N1, G6).
func TestRestartedGatewaySendsWebhooksWhatTheyAreOwed(t *testing.T) {
	dir := t.TempDir()
	box := newMailbox(t)
	upstream := says(t, "1.0.0")
	var books *instance
	t.Run("before", func(t *testing.T) {
		r := startWith(t, testConfig(child{dir, anyPort, anyPort}))
		books = r.register("books", "1.0.0", upstream)
		var loans message.Registered
		status, err := r.caller.call("POST", "/v1/instances", message.Registration{
			Module: "loans", Version: module.MustVersion("1.0.0"), Instance: "loans-a", Upstream: box.URL, Webhook: box.URL + "/_modgate",
			Requires: []module.Requirement{{ID: "books", Range: "1.0"}},
		}, &loans)
		if err != nil || status != http.StatusCreated {
			t.Fatalf("register loans: %d %v", status, err)
		}
		box.opens(loans.WebhookSecret)
		books.say(message.Resume)
		r.until("the webhook took the RESUME", func() bool { got, _ := box.got(); return got == "resume" })
		box.dead.Store(true)
		books.say(message.Update)
		r.until("the webhook refused the DELAY", func() bool { _, refused := box.got(); return refused > 0 })
	})
	box.dead.Store(false)
	t.Run("after", func(t *testing.T) {
		books.r = startWith(t, testConfig(child{dir, anyPort, anyPort}))
		books.r.until("the webhook took the DELAY", func() bool { got, _ := box.got(); return got == "resume delay" })
		books.say(message.Resume)
		books.r.until("the webhook took the second RESUME", func() bool { got, _ := box.got(); return got == "resume delay resume" })
	})
}

// What is declared beside the log is told, too (G5).
func TestAlertsReachADeclaredWebhook(t *testing.T) {
	told := make(chan string, 16)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e struct {
			Data struct{ Key, Occasion string }
		}
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		told <- e.Data.Occasion + " " + e.Data.Key
	}))
	t.Cleanup(s.Close)
	cfg := testConfig(child{t.TempDir(), anyPort, anyPort})
	sink := config.DefaultSink("operations")
	sink.Webhook.URL = config.Secret(s.URL)
	cfg.Sinks = []config.Sink{sink}
	r := startWith(t, cfg)
	r.o.Reload = func() (*config.Config, any) { return nil, "it is wrong" }
	for _, want := range []string{"begun configuration", "ended configuration"} {
		if _, _, err := r.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := <-told; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		r.o.Reload = func() (*config.Config, any) { return cfg, nil }
	}
}
